import { opfsJournal, serveJournal } from "blindreel/storage";

/**
 * Keeps the journals of the recorder's page: file handles that write at once are for workers. What is held back is for the end of a
 * journal on a full disk, whose place memory takes.
 */
serveJournal(opfsJournal("blindreel-journals", { reserve: 8 * 2 ** 20 }));

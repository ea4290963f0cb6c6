/** A rewrap of a folder as a process of its own: prints each outcome's state. Its argument is JSON. */
import { rewrapAll } from "../../src/keyset/rewrap-all.js";
import { envelopesIn } from "../../src/keyset/rewrap-folder.js";
import { rewrapJournal } from "../../src/keyset/rewrap-journal.js";
import { importIdentity, importRecipient } from "../../src/keywrap/index.js";

const { folder, journal: file, identity, to } = JSON.parse(process.argv[2]!);
const journal = await rewrapJournal(file);
const options = { identities: await importIdentity(identity), to: await importRecipient(to), journal };
for await (const { state } of rewrapAll(envelopesIn(folder), { ...options, concurrency: 2 }))
  process.stdout.write(`${state}\n`);
await journal.close();

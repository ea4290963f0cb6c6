import type { VerifiedDirectory } from "blindreel/keyset";
import { Problem } from "blindreel-ui/problems";

/** Names of pseudonyms, from the office's `people.csv`, which stays in this page: the server knows no names. */
export class People {
  readonly #names: ReadonlyMap<string, string>;
  readonly #directory: VerifiedDirectory;

  constructor(directory: VerifiedDirectory, names: ReadonlyMap<string, string> = new Map()) {
    this.#directory = directory;
    this.#names = names;
  }

  /** @param csv of columns `name` and `holder`, in any order. @throws Problem `bad-people`. */
  static read(csv: string, directory: VerifiedDirectory): People {
    const [header = [], ...rows] = csv
      .replace(/^\uFEFF/, "")
      .split(/\r?\n/)
      .filter(Boolean)
      .map(cellsOf);
    const [name, holder] = [header.indexOf("name"), header.indexOf("holder")];
    if (name < 0 || holder < 0) throw new Problem("bad-people");
    return new People(directory, new Map(rows.map((row) => [row[holder] ?? "", row[name] ?? ""])));
  }

  /** @param holder a pseudonym, or a stranger's thumbprint. */
  nameOf(holder: string): string {
    return this.#names.get(holder) ?? holder;
  }

  /** @param thumbprint of a signing key. */
  signer(thumbprint: string): string {
    return this.nameOf(this.#directory.holderOf(thumbprint) ?? thumbprint);
  }

  /** The text with names for the signing keys in it. */
  named(text: string): string {
    return text.replace(/\b[0-9a-f]{64}\b/g, (thumbprint) => this.signer(thumbprint));
  }
}

/** RFC 4180, a line of it. */
function cellsOf(line: string): string[] {
  const cells = line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g);
  return [...cells].map(([, quoted, bare = ""]) => (quoted?.replaceAll('""', '"') ?? bare).trim());
}

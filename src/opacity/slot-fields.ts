import { SlotType, WRAPPED_KEY_LENGTH } from "../formats/constants.js";
import type { Slot } from "../keywrap/types.js";
import type { FieldList } from "./demand.js";
import type { FieldNature } from "./structure.js";

/** What precedes the wrapped key in a body, by slot type (format-v1, "Slots"). */
const PARTS: Readonly<Record<number, readonly (readonly [string, number, FieldNature])[]>> = {
  [SlotType.x25519]: [["enc", 32, "point"]],
  [SlotType.xWing]: [["enc", 1120, "point"]],
  [SlotType.passphrase]: [
    ["salt", 16, "sealed"],
    ["cost", 4 + 4 + 1, "public"],
  ],
  [SlotType.passkey]: [
    ["relying party", 32, "public"],
    ["salt", 32, "sealed"],
  ],
  [SlotType.p256]: [["enc", 65, "point"]],
};

/** A known type has its exact length by now; of an unknown one nothing is known but that it should be sealed. */
export function addSlotBody(fields: FieldList, name: string, { type, body }: Slot): void {
  const parts = PARTS[type];
  if (!parts) {
    fields.add(`${name} body of an unknown type`, body.length, "sealed");
    return;
  }
  for (const [part, length, nature] of parts) fields.add(`${name} ${part}`, length, nature);
  fields.add(`${name} wrapped key`, WRAPPED_KEY_LENGTH, "sealed");
}

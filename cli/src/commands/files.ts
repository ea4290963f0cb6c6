/** The commands for sealed files and their keys: one file of the built program. */
export { inspect } from "./inspect.js";
export { keygen } from "./keygen.js";
export { open } from "./open.js";
export { rewrap } from "./rewrap.js";
export { seal } from "./seal.js";

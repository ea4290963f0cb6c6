/** Bun's own types would redefine half of the global scope; the suite needs this much. */
declare module "bun:test" {
  export function test(name: string, run: () => Promise<void>, timeout: number): void;
}

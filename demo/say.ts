import colors from "picocolors";

/** Everything the demo prints. Colours obey NO_COLOR and are off where standard output is no terminal. */

let chapters = 0;

export function chapter(title: string): void {
  chapters += 1;
  console.log(`\n${colors.bold(colors.cyan(`${chapters}. ${title}`))}`);
}

export function say(text: string): void {
  console.log(`   ${text.replaceAll("\n", "\n   ")}`);
}

export function dim(text: string): string {
  return colors.dim(text);
}

/** The demo's own failure: something that must hold did not. */
export class DemoFailure extends Error {
  override readonly name = "DemoFailure";
}

/** Says what holds, or ends the demo with an exit code that is not 0. */
export function must(holds: boolean, sentence: string): void {
  if (!holds) throw new DemoFailure(`this does not hold: ${sentence}`);
  say(`${colors.green("✓")} ${sentence}`);
}

/** @throws DemoFailure unless `action` fails with this code of the SDK. */
export async function mustFail(code: string, what: string, action: () => Promise<unknown>): Promise<void> {
  let failure: { code?: unknown; message?: unknown } | undefined;
  try {
    await action();
  } catch (error) {
    failure = error as typeof failure;
  }
  must(failure?.code === code, `${what} fails: ${code}`);
  say(dim(`  ${String(failure?.message)}`));
}

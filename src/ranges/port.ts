/** Where questions come from: `navigator.serviceWorker`, or a MessagePort on which somebody passes them on. */
export interface RangePort {
  // biome-ignore lint/suspicious/noExplicitAny: an event of whatever library of types there is.
  addEventListener(type: string, listener: (event: any) => void): void;
  // biome-ignore lint/suspicious/noExplicitAny: the same.
  removeEventListener(type: string, listener: (event: any) => void): void;
  /** Of a MessagePort. */
  start?(): void;
  /** Of `navigator.serviceWorker`, as are the following. */
  startMessages?(): void;
  readonly ready?: Promise<{ readonly scope: string }>;
  readonly controller?: { postMessage(message: unknown): void } | null;
}

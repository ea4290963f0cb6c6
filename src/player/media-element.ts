/** `HTMLMediaElement`, where the types of the DOM are there: servers read these declarations without them. */
export type MediaElement = typeof globalThis extends {
  HTMLMediaElement: { readonly prototype: infer Element };
}
  ? Element
  : never;

declare module "*.bin" {
  const bytes: Uint8Array<ArrayBuffer>;
  // biome-ignore lint/style/noDefaultExport: what esbuild's loader of binary files makes
  export default bytes;
}

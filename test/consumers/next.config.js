export default {
  distDir: ".cache/next",
  // The folders above have lock files of their own.
  turbopack: { root: import.meta.dirname },
};

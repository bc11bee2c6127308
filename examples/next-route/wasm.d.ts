/** What Next.js makes of a .wasm file that is imported with `?module`. */
declare module "*.wasm?module" {
  const module: WebAssembly.Module;
  export default module;
}

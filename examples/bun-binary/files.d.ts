/** What `with { type: "file" }` makes of an import: where the file lies, which is inside of the binary. */
declare module "munjang/node-worker" {
  const path: string;
  export default path;
}
declare module "munjang-mini-ko/model/*" {
  const path: string;
  export default path;
}

/** A worker of a page, which loads the model itself. */
import { run } from "./page.js";

self.onmessage = async ({ data }) => {
  try {
    postMessage(await run(data));
  } catch (error) {
    postMessage({ error: String(error) });
  }
};

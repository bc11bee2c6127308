/*
 * The page at /docs: every route of the document with an example to send. A page of ours rather than a library's, which would come over
 * the network or be larger than the engine.
 */

export const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>munjang</title>
<link rel="stylesheet" href="docs/page.css">
<h1>munjang</h1>
<p>The routes of this server, to try. The document they come from: <a href="openapi.json">openapi.json</a>.</p>
<label>Key <input id="key" type="password" autocomplete="off" placeholder="where the server asks for one"></label>
<main id="routes"></main>
<script type="module" src="docs/page.js"></script>
</html>
`;

export const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid #8888; padding: .5rem 0 1rem; }
h2 { font-size: 1.1rem; }
h2 code { background: #8882; padding: .1rem .4rem; border-radius: .2rem; }
textarea { box-sizing: border-box; width: 100%; font: .9rem/1.4 ui-monospace, monospace; }
pre { max-height: 20rem; overflow: auto; background: #8881; padding: .5rem; white-space: pre-wrap; overflow-wrap: anywhere; }
button { font: inherit; margin: .3rem 0; }
`;

export const SCRIPT = `
const element = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
const paths = (await (await fetch("openapi.json")).json());
const schemaOf = (body) => {
  const { schema } = body.content["application/json"];
  return schema.$ref === undefined ? schema : paths.components.schemas[schema.$ref.split("/").at(-1)];
};
const send = async (method, path, body, out) => {
  const key = document.getElementById("key").value;
  const headers = { ...(body !== undefined && { "content-type": "application/json" }), ...(key && { authorization: "Bearer " + key }) };
  const began = performance.now();
  try {
    const answer = await fetch(path.slice(1), { method, headers, body });
    const text = await answer.text();
    const took = Math.round(performance.now() - began);
    out.textContent = answer.status + " in " + took + " ms, " + text.length + " characters\\n" + text.slice(0, 20000);
  } catch (error) {
    out.textContent = String(error);
  }
};
for (const [path, methods] of Object.entries(paths.paths)) {
  for (const [method, about] of Object.entries(methods)) {
    const out = element("pre", { ariaLive: "polite" });
    const example = about.requestBody && schemaOf(about.requestBody).example;
    const body = example && element("textarea", { rows: 6, spellcheck: false, ariaLabel: "Body", value: JSON.stringify(example, null, 2) });
    const button = element("button", { textContent: "Send", onclick: () => send(method.toUpperCase(), path, body?.value, out) });
    const title = element("h2", {}, element("code", { textContent: method.toUpperCase() + " " + path }), " " + about.summary);
    document.getElementById("routes").append(element("section", {}, title, ...(body ? [body] : []), button, out));
  }
}
`;

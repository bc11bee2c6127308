import { useEffect, useState } from "preact/hooks";
import type { Client } from "./client.ts";
import type { Loaded, ModelChoice } from "./protocol.ts";
import { useWork } from "./shared.tsx";
import type { Words } from "./words.ts";

/** Which model, and how far it is. The bundled one is loaded at once. */
export function ModelBar({ w, engine, onLoaded }: { w: Words; engine: Client; onLoaded: (model: Loaded) => void }) {
  const [kind, setKind] = useState<"bundled" | "url" | "files">("bundled");
  const [url, setUrl] = useState("");
  const [about, setAbout] = useState<Loaded>();
  const work = useWork(w);

  const load = (choice: ModelChoice): Promise<void> =>
    work.run(async (progress) => {
      progress(w.loading, 0);
      const model = await engine.ask("load", [choice], (_, part) => progress(w.loading, part));
      setAbout(model);
      onLoaded(model);
    });
  useEffect(() => void load({ kind: "bundled" }), []);

  /** Paths below the folder that was chosen. */
  const loadFolder = (files: FileList | null): void => {
    const all = [...(files ?? [])].map((file) => [file.webkitRelativePath.replace(/^[^/]*\//, ""), file] as const);
    if (all.length > 0) void load({ kind: "files", files: all });
  };

  return (
    <details class="model" open={work.failed || undefined}>
      <summary>
        {w.model}:{" "}
        <span id="model-state">
          {about !== undefined
            ? `${w.ready} · ${about.backend.name} · ${w.dimensions(about.dimension)}`
            : work.failed
              ? w.failed
              : w.loading}
        </span>
      </summary>
      <fieldset disabled={work.busy}>
        <legend>{w.model}</legend>
        {(["bundled", "url", "files"] as const).map((one) => (
          <label key={one}>
            <input
              type="radio"
              name="model"
              checked={kind === one}
              onChange={() => {
                setKind(one);
                if (one === "bundled") void load({ kind: "bundled" });
              }}
            />
            {{ bundled: w.bundled, url: w.byUrl, files: w.byFolder }[one]}
          </label>
        ))}
        {kind === "url" && (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              void load({ kind: "url", url });
            }}
          >
            <label>
              {w.urlOfModel}
              <input type="url" required value={url} onInput={({ currentTarget }) => setUrl(currentTarget.value)} />
            </label>
            <button type="submit">{w.load}</button>
          </form>
        )}
        {kind === "files" && (
          <label>
            {w.folderNote}
            <input
              type="file"
              multiple
              {...{ webkitdirectory: true }}
              onChange={({ currentTarget }) => {
                loadFolder(currentTarget.files);
                currentTarget.value = ""; // the same folder again is a change too
              }}
            />
          </label>
        )}
      </fieldset>
      {about?.warnings.map((warning) => (
        <p key={warning}>{warning}</p>
      ))}
      {work.status}
      {work.failed && about === undefined && (
        <button type="button" onClick={() => void load({ kind: "bundled" })}>
          {w.again}
        </button>
      )}
    </details>
  );
}

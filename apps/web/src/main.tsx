import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { About } from "./about.tsx";
import { type Client, client } from "./client.ts";
import { Inside } from "./inside.tsx";
import { ModelBar } from "./model.tsx";
import { Play } from "./play.tsx";
import type { Loaded } from "./protocol.ts";
import { Race } from "./race.tsx";
import { Search } from "./search.tsx";
import { type Language, words } from "./words.ts";

const SECTIONS = ["play", "inside", "search", "race", "about"] as const;
type Section = (typeof SECTIONS)[number];

/** One worker for the model that is loaded; the race has one of its own, so that it can be stopped. */
const engine: Client = client();

function sectionNow(): Section {
  const name = location.hash.slice(1);
  return SECTIONS.find((section) => section === name) ?? "play";
}

/** Kept from visit to visit, where the browser lets pages keep anything: without site data the very name throws. */
function kept(change?: Language): string | null {
  try {
    if (change !== undefined) localStorage.setItem("language", change);
    return localStorage.getItem("language");
  } catch {
    return null;
  }
}

function languageNow(): Language {
  const last = kept();
  if (last === "ko" || last === "en") return last;
  return navigator.language.startsWith("ko") ? "ko" : "en";
}

function App() {
  const [language, setLanguage] = useState<Language>(languageNow);
  const [section, setSection] = useState<Section>(sectionNow);
  const [model, setModel] = useState<Loaded>();
  const w = words[language];

  useEffect(() => {
    const follow = (): void => setSection(sectionNow());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  useEffect(() => {
    document.documentElement.lang = language;
    document.title = `${w.title} · ${w[section]}`;
  }, [language, section, w]);

  const choose = (to: Language): void => {
    kept(to);
    setLanguage(to);
  };
  const shared = { w, engine, model };
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        {w.skip}
      </button>
      <header>
        <div class="top">
          <h1>
            <span lang="ko">문장</span> <small>munjang</small>
          </h1>
          <fieldset class="languages" aria-label={w.language}>
            {(["ko", "en"] as const).map((one) => (
              <button type="button" key={one} lang={one} aria-pressed={one === language} onClick={() => choose(one)}>
                {one === "ko" ? "한국어" : "English"}
              </button>
            ))}
          </fieldset>
        </div>
        <p>{w.tagline}</p>
        <nav aria-label={w.sections}>
          {SECTIONS.map((one) => (
            <a key={one} href={`#${one}`} aria-current={one === section ? "page" : undefined}>
              {w[one]}
            </a>
          ))}
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        <ModelBar w={w} engine={engine} onLoaded={setModel} />
        {/* All stay where they are, so that nothing typed is lost. */}
        {SECTIONS.map((one) => (
          <section key={one} hidden={one !== section} aria-labelledby={`title-${one}`}>
            <h2 id={`title-${one}`}>{w[one]}</h2>
            {one === "play" && <Play {...shared} />}
            {one === "inside" && <Inside {...shared} />}
            {one === "search" && <Search {...shared} />}
            {one === "race" && <Race {...shared} />}
            {one === "about" && <About {...shared} />}
          </section>
        ))}
      </main>
    </>
  );
}

const root = document.getElementById("app");
if (root !== null) render(<App />, root);

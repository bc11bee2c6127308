import { type Section, Unreadable } from "./sections.ts";

/** The text of a PDF, a section a page. */
export async function pdfSections(bytes: Uint8Array): Promise<Section[]> {
  const { extractText, getDocumentProxy } = await import("unpdf");
  try {
    const pdf = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 }); // a copy: it takes the memory away
    try {
      const { text } = await extractText(pdf, { mergePages: false });
      return text.flatMap((page, i) => (page.trim() === "" ? [] : [{ text: page, page: i + 1 }]));
    } finally {
      await pdf.destroy();
    }
  } catch (error) {
    const { name, message } = error as Error;
    if (name === "PasswordException") throw new Unreadable("is protected by a password");
    throw new Unreadable(`cannot be read as a PDF: ${message}`);
  }
}

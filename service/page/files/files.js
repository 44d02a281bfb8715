// Gives the reader a file, or text in the clipboard.

/** Save text as a file. */
export function saveFile({ name, text }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Put text into the clipboard. Browsers allow it at https and on this machine. */
export async function toClipboard(text) {
  if (!navigator.clipboard) throw new Error("This browser gives the clipboard only to pages at https or on this machine.");
  await navigator.clipboard.writeText(text);
}

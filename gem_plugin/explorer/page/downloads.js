// Files that the page makes itself and that the browser saves where it saves downloads.

/** address: a data address, or one that the browser keeps. */
export function download(name, address) {
  const link = document.createElement("a");
  link.download = name;
  link.href = address;
  link.click();
}

export function downloadText(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  download(name, address);
  setTimeout(() => URL.revokeObjectURL(address), 10_000); // the browser has begun by then
}

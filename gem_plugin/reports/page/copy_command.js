// Buttons that copy a command.

const MILLISECONDS_OF_ANSWER = 2000;

/** A page opened from disk may lack the clipboard; then the command is selected, and copied if allowed. */
export async function copyCommand(block) {
  const text = block.querySelector("pre");
  const button = block.querySelector("button");
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "copied";
  } catch {
    getSelection().selectAllChildren(text);
    button.textContent = document.execCommand("copy") ? "copied" : "selected";
  }
  setTimeout(() => { button.textContent = "copy"; }, MILLISECONDS_OF_ANSWER);
}

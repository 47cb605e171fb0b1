// What went wrong, beside the control that asked for it, until that control is used again.

const CONTROLS = "button, input, select";
const AROUND = "label, .row, fieldset"; // the line of the page that a control stands in

/** The control of an event, null for what nobody pressed. */
export function controlOf(event) {
  return event?.target?.closest?.(CONTROLS) ?? null;
}

export function sayBeside(control, text) {
  clearBeside(control);
  if (!control?.isConnected || control.closest("#message, #connection")) return;
  const element = document.createElement("div");
  element.className = "error-beside";
  element.setAttribute("role", "alert");
  element.textContent = text;
  control.errorBeside = element;
  const line = control.closest(".row") ?? control.closest(AROUND) ?? control;
  line.after(element);
}

export function clearBeside(control) {
  control?.errorBeside?.remove();
}

// For assistive technology: which buttons are pressed. The page marks them by their class (on: in use,
// hidden: the group of a legend is not shown); here that is said as aria-pressed too.

const PRESSED_BY_CLASS =
  "[data-tool], [data-mode], [data-kind]:not([data-state]), .basket, #waypoints, #mask-show";
const NOT_PRESSED = "#walk-next"; // looks like it, as what comes next
const PRESSED_WHERE_SHOWN = "#legend button";

function showPressed(button) {
  const isPressed = pressedState(button);
  if (isPressed === null || button.getAttribute("aria-pressed") === String(isPressed)) return;
  button.setAttribute("aria-pressed", String(isPressed));
}

/** true or false; null for buttons that cannot be pressed in. */
export function pressedState(button) {
  if (button.matches(NOT_PRESSED)) return null;
  if (button.matches(PRESSED_WHERE_SHOWN)) return !button.classList.contains("hidden");
  const isOn = button.classList.contains("on");
  return isOn || button.matches(PRESSED_BY_CLASS) ? isOn : null;
}

/** Keep it so, for buttons that come later too. root: an element. */
export function keepPressedStates(root) {
  const showAll = (element) => element.querySelectorAll("button").forEach(showPressed);
  new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      if (type === "attributes" && target.matches("button")) showPressed(target);
      for (const node of addedNodes) {
        if (node.nodeType !== Node.ELEMENT_NODE) continue;
        if (node.matches("button")) showPressed(node);
        showAll(node);
      }
    }
  }).observe(root, { subtree: true, childList: true, attributeFilter: ["class"] });
  showAll(root);
}

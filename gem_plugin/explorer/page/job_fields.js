// The fields of a step's settings: made from what the server says of them, and read back.

/** field: { name, label, help, flag, choices, isYesOrNo, isNumber, value }. */
export function settingField(field) {
  const label = document.createElement("label");
  label.title = `${field.help} (${field.flag})`;
  const words = document.createElement("span");
  words.textContent = field.label;
  const input = settingInput(field);
  input.dataset.setting = field.name;
  label.append(words, input);
  return label;
}

function settingInput({ choices, isYesOrNo, isNumber, value }) {
  if (choices) {
    const select = document.createElement("select");
    select.append(...choices.map((choice) => new Option(choice)));
    select.value = value;
    return select;
  }
  const input = document.createElement("input");
  if (isYesOrNo) input.type = "checkbox";
  if (isYesOrNo) input.checked = value;
  else input.value = value;
  input.size = isNumber ? 6 : 12;
  return input;
}

/** What the reader changed, as typed. */
export function settingValues(element, fields) {
  const changed = {};
  for (const { name, isYesOrNo, value } of fields) {
    const input = element.querySelector(`[data-setting="${name}"]`);
    const now = isYesOrNo ? input.checked : input.value.trim();
    if (now !== value) changed[name] = now;
  }
  return changed;
}

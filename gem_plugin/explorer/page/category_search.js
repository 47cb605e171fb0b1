// Finds a category among the many of a column of texts, such as one micrograph of thousands.

import { promoteCategory } from "./category_column.js";
import { searchCategories } from "./columns.js";
import { attempt } from "./messages.js";
import { NewestRequest } from "./newest_request.js";

const WAIT_FOR_TYPING = 200; // milliseconds

/** Fill an element with the field, or hide it. onFound(column): a category got a group of its own. */
export function fillCategorySearch(element, column, onFound) {
  const nOthers = column.isText ? column.nCategories - column.categories.length : 0;
  element.hidden = nOthers < 1;
  element.replaceChildren();
  if (nOthers < 1) return;
  const field = document.createElement("input");
  field.type = "search";
  field.placeholder = `find one of ${column.nCategories.toLocaleString("en")}`;
  field.setAttribute("aria-label", `find a value of ${column.name}`);
  const found = document.createElement("div");
  found.className = "found";
  element.append(field, found);
  const requests = new NewestRequest();
  let waiting = 0;
  field.oninput = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => attempt(() => showFound()), WAIT_FOR_TYPING);
  };
  const showFound = async () => {
    const text = field.value.trim();
    const categories = text ? await requests.run(() => searchCategories(column, text)) : [];
    if (!categories) return;
    found.replaceChildren(...categories.map(buttonOf));
    if (text && !categories.length) found.textContent = `no value holds ${text}`;
  };
  const buttonOf = (category) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${category.name} (${category.count.toLocaleString("en")})`;
    button.title = "give it a colour of its own in the legend";
    button.onclick = () => {
      promoteCategory(column, category);
      onFound(column);
    };
    return button;
  };
}

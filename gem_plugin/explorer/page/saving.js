// Everything that is saved goes this way: the name is checked, and nothing is overwritten unless the reader
// says so.

import { choose } from "./messages.js";
import { checkedName } from "./names.js";
import { askJson } from "./server.js";

/**
 * field: the input with the name, or another { value }; address(name): where the server takes it.
 * Gives the answer, or null where the reader was asked what to do and chose nothing.
 */
export async function saveUnderName(field, address, body) {
  let name = checkedName(field.value);
  let options = "";
  for (;;) {
    try {
      return await askJson(address(name) + options, body);
    } catch (error) {
      const { newName } = error;
      if (!newName) throw error;
      const chosen = await choose(error.message, [`save as ${newName}`, "overwrite"]);
      if (chosen === null) return null;
      if (chosen === 0) field.value = name = newName;
      options = chosen === 1 ? `${address(name).includes("?") ? "&" : "?"}overwrite=true` : "";
    }
  }
}

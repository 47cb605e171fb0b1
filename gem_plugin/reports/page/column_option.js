// A column in a list, under the name that select --where and Python take; pointing at it shows what it is.

/** Columns that exist on this page only (isOfThisPage) are shown by their label. */
export function columnOption(column, value) {
  const option = new Option(column.isOfThisPage ? column.label : column.name, value);
  option.title = column.label;
  return option;
}

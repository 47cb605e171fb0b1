// What the reader chose for a page and is there again next time: light or dark, sizes, what was read already.
// The explorer starts at another port each time, and localStorage belongs to a port; a cookie belongs to the
// host. A page opened from disk has no cookies, but localStorage.

const PREFIX = "gem_";
const ONE_YEAR_IN_SECONDS = 31_536_000;

/** A value that was kept under a name, or null. */
export function keptSetting(name) {
  try {
    if (location.protocol === "file:") return localStorage.getItem(PREFIX + name);
    const start = `${PREFIX}${name}=`;
    const found = document.cookie.split("; ").find((one) => one.startsWith(start));
    return found === undefined ? null : decodeURIComponent(found.slice(start.length));
  } catch {
    return null; // a browser that keeps nothing
  }
}

export function keepSetting(name, value) {
  try {
    if (location.protocol === "file:") localStorage.setItem(PREFIX + name, value);
    else {
      const kept = `${PREFIX}${name}=${encodeURIComponent(value)}`;
      document.cookie = `${kept}; max-age=${ONE_YEAR_IN_SECONDS}; path=/; SameSite=Strict`;
    }
  } catch {
    // a browser that keeps nothing: the choice holds until the page is closed
  }
}

"""What the canvases and pictures of a report show."""

from typing import Any


def spreads_of_pictures(page: Any, chapter: str) -> list[float]:
    """Standard deviation of the grey levels of every picture of a chapter."""
    return page.execute_async_script(
        """const [chapter, done] = arguments;
        Promise.all(Array.from(document.querySelectorAll(`#${chapter} img`), async (image) => {
          await image.decode();
          const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight), context = canvas.getContext('2d');
          context.drawImage(image, 0, 0);
          const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
          let count = 0, sum = 0, squares = 0;
          for (let i = 0; i < data.length; i += 4) { count++; sum += data[i + 1]; squares += data[i + 1] ** 2; }
          return Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
        })).then(done, (error) => done([String(error)]));""",
        chapter,
    )


def coloured_pixels(page: Any) -> int:
    return page.execute_script(
        """const canvas = document.querySelector('#scatter canvas');
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data; let count = 0;
        for (let i = 0; i < data.length; i += 4) if (Math.max(...data.slice(i, i + 3)) - Math.min(...data.slice(i, i + 3)) > 60) count++;
        return count;"""
    )


def picture_of_scatter(page: Any) -> str:
    return page.execute_script("return document.querySelector('#scatter canvas').toDataURL()")

// Marks above the plot: rings about particles, and the outline of a lasso or box.

/** A ring about a pixel, with a text beside it. */
export function drawMark(context, [px, py], colour, text = "") {
  context.beginPath();
  context.arc(px, py, 6, 0, 2 * Math.PI);
  context.strokeStyle = "#fff";
  context.lineWidth = 4;
  context.stroke();
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.stroke();
  context.lineWidth = 1;
  context.fillStyle = colour;
  context.textAlign = "left";
  context.fillText(text, px + 9, py - 6);
}

export function drawOutline(context, corners) {
  context.beginPath();
  for (const corner of corners) context.lineTo(...corner);
  context.closePath();
  context.fillStyle = "rgba(0, 114, 178, 0.12)";
  context.fill();
  context.strokeStyle = "#0072B2";
  context.stroke();
}

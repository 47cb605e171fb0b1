// While a plot moves: every how many-th point is drawn, so that it follows the hand. Still, all are drawn.

const SLOW_FRAME = 30; // milliseconds for a frame; above, fewer points are drawn
const QUICK_FRAME = 18; // below, more
const FRAMES_TO_JUDGE = 2; // in a row
export const LARGEST_STEP = 32;

export class MovingSample {
  constructor() {
    this.step = 1;
    this.tooSmall = 0; // the largest step that was too slow in this motion
    this.cost = 0; // milliseconds of the last frame
    this.slow = this.quick = 0;
  }

  /** What a frame of a motion took, with the step that it was drawn with. */
  judge(milliseconds) {
    this.cost = milliseconds;
    this.slow = milliseconds > SLOW_FRAME ? this.slow + 1 : 0;
    this.quick = milliseconds < QUICK_FRAME ? this.quick + 1 : 0;
    if (this.slow >= FRAMES_TO_JUDGE && this.step < LARGEST_STEP) {
      this.tooSmall = this.step;
      this.step = Math.min(LARGEST_STEP, this.step * 2 ** Math.ceil(Math.log2(milliseconds / SLOW_FRAME)));
      this.slow = 0;
    } else if (this.quick >= FRAMES_TO_JUDGE && this.step / 2 > this.tooSmall && this.step > 1) {
      this.step /= 2;
      this.quick = 0;
    }
  }

  /** The motion is over; the next one begins as this one ended. */
  rest() {
    this.tooSmall = 0;
  }
}

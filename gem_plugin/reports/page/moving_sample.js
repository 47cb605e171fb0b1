// While a plot moves: every how many-th point is drawn, so that it follows the hand. Still, all are drawn.

const SLOW_FRAME = 32; // milliseconds from frame to frame; above, fewer points are drawn
const QUICK_FRAME = 19; // below, more
const FRAMES_TO_JUDGE = 2; // in a row
export const LARGEST_STEP = 32;

export class MovingSample {
  constructor() {
    this.step = 1;
    this.tooSmall = 0; // steps that were too slow in this motion
    this.last = null;
    this.slow = this.quick = 0;
  }

  /** At each frame of a motion. now: milliseconds. Gives the step to draw with. */
  frame(now) {
    if (this.last !== null) this.judge(now - this.last);
    this.last = now;
    return this.step;
  }

  judge(interval) {
    this.slow = interval > SLOW_FRAME ? this.slow + 1 : 0;
    this.quick = interval < QUICK_FRAME ? this.quick + 1 : 0;
    if (this.slow >= FRAMES_TO_JUDGE && this.step < LARGEST_STEP) {
      this.tooSmall = this.step;
      this.step *= 2;
      this.slow = 0;
    } else if (this.quick >= FRAMES_TO_JUDGE && this.step / 2 > this.tooSmall && this.step > 1) {
      this.step /= 2;
      this.quick = 0;
    }
  }

  /** The motion is over; the next one begins as this one ended. */
  rest() {
    this.last = null;
    this.tooSmall = 0;
    this.slow = this.quick = 0;
  }
}

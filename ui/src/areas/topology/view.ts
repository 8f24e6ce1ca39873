/** What part of the drawing is seen: moved by dragging, scaled by the wheel, by keys, by fingers' pinch. */

export interface View {
  x: number; // what is at the left upper corner of the window
  y: number;
  scale: number;
}

export interface Size {
  width: number;
  height: number;
}

export const SCALE_MIN = 0.08;
export const SCALE_MAX = 2.5;
const FIT_MIN = 0.5;
const MARGIN = 28;

/** Show all of it, no larger than life, in the middle; of what would be too small to read, the middle alone. */
export function fitted(drawing: Size, window: Size): View {
  const scale = Math.min(
    1,
    (window.width - 2 * MARGIN) / Math.max(1, drawing.width),
    (window.height - 2 * MARGIN) / Math.max(1, drawing.height),
  );
  const kept = Math.max(FIT_MIN, scale);
  return {
    scale: kept,
    x: drawing.width / 2 - window.width / 2 / kept,
    y: drawing.height / 2 - window.height / 2 / kept,
  };
}

/** Scale, with what is under this point of the window staying there. */
export function zoomed(view: View, factor: number, at: { x: number; y: number }): View {
  const scale = Math.min(SCALE_MAX, Math.max(SCALE_MIN, view.scale * factor));
  return {
    scale,
    x: view.x + at.x / view.scale - at.x / scale,
    y: view.y + at.y / view.scale - at.y / scale,
  };
}

export function moved(view: View, by: { x: number; y: number }): View {
  return { ...view, x: view.x - by.x / view.scale, y: view.y - by.y / view.scale };
}

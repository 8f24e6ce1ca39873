import { Palette } from "./palette";

export const overlays = [Palette];

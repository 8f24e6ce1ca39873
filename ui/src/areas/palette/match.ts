/** Does what was typed stand for this name? Its letters in order; the nearer together and to the beginnings of words, the better. */

export interface Match {
  score: number;
  at: number[]; // which letters of the name
}

const AT_START = 8;
const AFTER_MARK = 6; // after a dot, a dash, a space: where a word begins
const NEXT = 5;
const GAP = -0.2;

export function match(typed: string, name: string): Match | undefined {
  const wanted = typed.toLowerCase().replace(/\s+/g, "");
  const lower = name.toLowerCase();
  const whole = lower.indexOf(typed.toLowerCase().trim());
  if (whole >= 0) return { score: wholeScore(wanted.length, whole, name), at: Array.from({ length: typed.trim().length }, (_, i) => whole + i) };
  const at: number[] = [];
  let score = 0;
  for (const letter of wanted) {
    const found = next(lower, letter, (at.at(-1) ?? -1) + 1);
    if (found < 0) return undefined;
    const gap = at.length ? found - at.at(-1)! - 1 : 0;
    score += (at.length && gap === 0 ? NEXT : 0) + (beginsWord(name, found) ? AFTER_MARK : 0) + gap * GAP;
    at.push(found);
  }
  return { score: score - name.length * 0.05, at };
}

function wholeScore(length: number, at: number, name: string): number {
  return length * (NEXT + 1) + (at === 0 ? AT_START : beginsWord(name, at) ? AFTER_MARK : 0) - name.length * 0.05;
}

/** The letter where a word begins, if there is one, else the first. */
function next(name: string, letter: string, from: number): number {
  const first = name.indexOf(letter, from);
  for (let i = first; i >= 0; i = name.indexOf(letter, i + 1)) if (beginsWord(name, i)) return i;
  return first;
}

function beginsWord(name: string, at: number): boolean {
  return at === 0 || /[\s._/:-]/.test(name[at - 1]!);
}

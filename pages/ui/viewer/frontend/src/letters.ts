// The letters at the edges of a film (PatientOrientation, PS3.3 C.7.6.1.1.1) as it is turned.

export interface Turn {
  flipped: boolean; // left and right exchanged, before the rotation
  rotation: number; // degrees clockwise: 0, 90, 180, 270
}

export interface Edges {
  top: string;
  right: string;
  bottom: string;
  left: string;
}

const OPPOSITES: Record<string, string> = { L: "R", R: "L", A: "P", P: "A", H: "F", F: "H" };

/** "LPF" -> "RAH". */
export function opposite(letters: string): string {
  return [...letters].map((letter) => OPPOSITES[letter] ?? letter).join("");
}

/** Letters at the four edges of the screen; `directions` point right and down in the file. */
export function edges(directions: [string, string], { flipped, rotation }: Turn): Edges {
  const [across, down] = directions;
  const right = flipped ? opposite(across) : across;
  const clockwise = [opposite(down), right, down, opposite(right)]; // top, right, bottom, left
  const steps = (((rotation / 90) % 4) + 4) % 4;
  const at = (edge: number): string => clockwise[(edge - steps + 4) % 4]!;
  return { top: at(0), right: at(1), bottom: at(2), left: at(3) };
}

/** Exchange left and right of the screen. */
export function flipAcross({ flipped, rotation }: Turn): Turn {
  return { flipped: !flipped, rotation: (360 - rotation) % 360 };
}

/** Exchange top and bottom of the screen. */
export function flipDown({ flipped, rotation }: Turn): Turn {
  return { flipped: !flipped, rotation: (540 - rotation) % 360 };
}

export function rotated({ flipped, rotation }: Turn, by: number): Turn {
  return { flipped, rotation: (((rotation + by) % 360) + 360) % 360 };
}

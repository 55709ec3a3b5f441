// Cornerstone3D, fed from memory: an image loader, a metadata provider, one rendering engine.
//
// Cornerstone's CPU path is used on every computer (docs/adr/0008-viewer.md says why, with
// figures): an image may bring its own `render`, which is where Film.paint draws the exact grey
// levels of PS3.3 C.11.2. Cornerstone keeps stack, camera, coordinates, tools and events.

import {
  Enums, RenderingEngine, cache, imageLoader, init, metaData, type Types,
} from "@cornerstonejs/core";
import type { Film } from "./film.ts";

export type Stack = Types.IStackViewport;
type Painted = Parameters<NonNullable<Types.IImage["render"]>>[0];

const SCHEME = "lightbox";
const ENGINE = "lightbox";
const films = new Map<string, { film: Film; users: number }>();
const painters = new WeakMap<HTMLCanvasElement, () => void>();
let engine: RenderingEngine | null = null;

/** The one engine; Cornerstone is started on first use. */
export function renderingEngine(startTools: () => void = () => {}): RenderingEngine {
  if (engine) return engine;
  init({ rendering: { useCPURendering: true } } as Parameters<typeof init>[0]);
  imageLoader.registerImageLoader(SCHEME, (imageId) => ({
    promise: Promise.resolve(makeImage(imageId)),
  }));
  metaData.addProvider(provide, 10_000);
  startTools();
  engine = new RenderingEngine(ENGINE);
  return engine;
}

/** The film behind some pixels, shared by all panes that show it, until each has let it go. */
export function obtain(hash: string, make: () => Film): Film {
  const entry = films.get(hash) ?? { film: make(), users: 0 };
  entry.users += 1;
  films.set(hash, entry);
  return entry.film;
}

export function letGo(hash: string): void {
  const entry = films.get(hash);
  if (!entry || --entry.users > 0) return;
  films.delete(hash);
  for (const id of imageIds(hash, entry.film)) {
    if (cache.getImageLoadObject(id)) cache.removeImageLoadObject(id, { force: true });
  }
}

export function imageId(hash: string, frame: number): string {
  return `${SCHEME}:${hash}/${frame}`;
}

export function imageIds(hash: string, film: Film): string[] {
  return film.header.frames.map((_, frame) => imageId(hash, frame));
}

/** Height of a pixel over its width, of a film in use. */
export function aspectOf(hash: string): number {
  return films.get(hash)?.film.header.aspect ?? 1;
}

/** The film and frame that an image id names. */
export function filmOf(id: string): { film: Film; frame: number } | null {
  return parse(id);
}

/** Let `paint` draw whatever Cornerstone wants drawn on this canvas. */
export function paintWith(canvas: HTMLCanvasElement, paint: () => void): void {
  painters.set(canvas, paint);
}

/** Width and height of a film pixel in Cornerstone's world. Its unit is the width of a pixel. */
export function pixelSize({ header }: Film): [number, number] {
  return [1, header.aspect];
}

function parse(imageId: string): { film: Film; frame: number; hash: string } | null {
  const match = new RegExp(`^${SCHEME}:([^/]+)/(\\d+)$`).exec(imageId);
  const film = match && films.get(match[1]!)?.film;
  return film ? { film, frame: Number(match[2]), hash: match[1]! } : null;
}

function makeImage(imageId: string): Types.IImage {
  const parsed = parse(imageId);
  if (!parsed) throw new Error("no such film");
  const { film, frame } = parsed;
  const { rows, columns, samples, frames } = film.header;
  const [wide, tall] = pixelSize(film);
  const { slope, intercept, automatic } = frames[frame]!;
  return {
    imageId,
    rows,
    columns,
    width: columns,
    height: rows,
    rowPixelSpacing: tall,
    columnPixelSpacing: wide,
    color: samples === 3,
    rgba: false,
    numberOfComponents: samples,
    slope,
    intercept,
    windowCenter: automatic.center,
    windowWidth: automatic.width,
    voiLUTFunction: Enums.VOILUTFunctionType.LINEAR,
    minPixelValue: 0,
    maxPixelValue: 65535,
    invert: false,
    sizeInBytes: 0, // the pixels are the store's, not the cache's
    dataType: film.samples(frame).constructor.name,
    getPixelData: () => film.samples(frame),
    voxelManager: {
      getScalarData: () => film.samples(frame),
      getAtIJKPoint: ([column, row]: Types.Point3) => film.value(frame, column, row)[0],
    },
    render: (painted: Painted) => {
      if (painted.canvas) painters.get(painted.canvas)?.();
    },
  } as unknown as Types.IImage;
}

function provide(type: string, imageId: unknown): unknown {
  const parsed = typeof imageId === "string" ? parse(imageId) : null;
  if (!parsed) return undefined;
  const { film, hash } = parsed;
  const { rows, columns, samples, modality, monochrome1 } = film.header;
  const [wide, tall] = pixelSize(film);
  const bits = film.header.type === "uint8" ? 8 : 16;
  switch (type) {
    case "imagePlaneModule":
      return {
        frameOfReferenceUID: hash,
        rows,
        columns,
        imagePositionPatient: [0, 0, 0],
        imageOrientationPatient: [1, 0, 0, 0, 1, 0],
        rowCosines: [1, 0, 0],
        columnCosines: [0, 1, 0],
        rowPixelSpacing: tall,
        columnPixelSpacing: wide,
        usingDefaultValues: false,
      };
    case "imagePixelModule":
      return {
        samplesPerPixel: samples,
        photometricInterpretation: samples === 3 ? "RGB" : monochrome1 ? "MONOCHROME1" : "MONOCHROME2",
        rows,
        columns,
        bitsAllocated: bits,
        bitsStored: bits,
        highBit: bits - 1,
        pixelRepresentation: film.header.type === "int16" ? 1 : 0,
      };
    case "generalSeriesModule":
      return { modality, seriesInstanceUID: hash };
    default:
      return undefined;
  }
}

// Stands in for Cornerstone and for the page, so that panes and drawings run without a browser:
// it keeps what it is given, and draws nothing. `npm test` puts it in the packages' place.

import type { Point } from "../src/types.ts";

// The page: elements that know their size.
export const SIZE: Point = [800, 600]; // of every film's element, in pixels

/** What the reader asked of the system. */
export const MOTION = { reduced: false };

class FakeElement {
  className = "";
  dataset: Record<string, string> = {};
  style = { setProperty: (): void => {} };
  readonly classes = new Set<string>();
  readonly classList = {
    toggle: (name: string, on: boolean): void => void (on ? this.classes.add(name) : this.classes.delete(name)),
  };
  clientWidth = SIZE[0];
  clientHeight = SIZE[1];
  width = SIZE[0];
  height = SIZE[1];
  readonly calls: [string, ...unknown[]][] = []; // what was drawn on it
  append(): void {}
  after(): void {}
  remove(): void {}
  getContext(): unknown {
    const { calls } = this;
    return new Proxy({ canvas: this }, {
      get: (own: Record<string, unknown>, name: string) =>
        own[name] ?? ((...args: unknown[]) => void calls.push([name, ...args])),
      set: (own, name: string, value) => Boolean((own[name] = value)) || true,
    });
  }
}

Object.assign(globalThis, {
  document: { createElement: () => new FakeElement() },
  window: globalThis,
  matchMedia: () => ({ matches: MOTION.reduced }),
  devicePixelRatio: 1,
  ResizeObserver: class { observe(): void {} disconnect(): void {} },
  ImageData: class {
    readonly data: Uint8ClampedArray;
    constructor(readonly width: number, readonly height: number) {
      this.data = new Uint8ClampedArray(4 * width * height);
    }
  },
});

// @cornerstonejs/core
const viewports = new Map<string, FakeViewport>();

class FakeViewport {
  readonly canvas = new FakeElement();
  getCanvas(): FakeElement { return this.canvas; }
  setStack(): Promise<void> { return Promise.resolve(); }
  setImageIdIndex(): void {}
  setRotation(): void {}
  setCamera(): void {}
  render(): void {}
}

export class RenderingEngine {
  constructor(readonly id: string) {}
  enableElement({ viewportId }: { viewportId: string }): void {
    viewports.set(viewportId, new FakeViewport());
  }
  disableElement(id: string): void { viewports.delete(id); }
  getViewport(id: string): FakeViewport { return viewports.get(id)!; }
}

export const Enums = {
  ViewportType: { STACK: "stack" }, VOILUTFunctionType: { LINEAR: "LINEAR" },
  Events: {}, MouseBindings: { Primary: 1 },
};
export const cache = { getImageLoadObject: () => null, removeImageLoadObject: () => {} };
export const imageLoader = { registerImageLoader: () => {} };
export const metaData = { addProvider: () => {} };
export const eventTarget = new EventTarget();
export const init = (): void => {};

// @cornerstonejs/tools
const tool = (toolName: string) => class { static toolName = toolName; };
export const AngleTool = tool("Angle");
export const CobbAngleTool = tool("CobbAngle");
export const EllipticalROITool = tool("EllipticalROI");
export const LengthTool = tool("Length");
export const PlanarFreehandROITool = tool("PlanarFreehandROI");
export const ProbeTool = tool("Probe");
export const RectangleROITool = tool("RectangleROI");
const group = { addTool() {}, setToolPassive() {}, setToolEnabled() {}, setToolActive() {}, addViewport() {} };
export const ToolGroupManager = {
  createToolGroup: () => group, destroyToolGroup: () => {}, getToolGroup: () => group,
};
export const addTool = (): void => {};
export const cancelActiveManipulations = (): void => {};
export const utilities = {
  getAnnotationNearPoint: () => null, triggerAnnotationRenderForViewportIds: () => {},
};
interface Drawn { annotationUID: string }
let drawings: Drawn[] = [];
export const annotation = {
  state: {
    getAllAnnotations: () => drawings,
    addAnnotation: (one: Drawn) => void (drawings = [...drawings, one]),
    removeAnnotation: (uid: string) => void (drawings = drawings.filter((d) => d.annotationUID !== uid)),
    getAnnotation: (uid: string) => drawings.find((d) => d.annotationUID === uid),
  },
  selection: { getAnnotationsSelected: () => [] },
  config: { style: { getDefaultToolStyles: () => ({}), setDefaultToolStyles: () => {} } },
};

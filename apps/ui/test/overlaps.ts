/** In the page, so alone: elements of which one lies over another. */
export function overlaps(): string[] {
  const boxes = [...document.querySelectorAll("button, input, select, textarea, h1, h2, h3, p, li, video")]
    .filter((each) => each.checkVisibility() && !each.closest("svg, .lines, ol"))
    .map((each) => ({ each, box: each.getBoundingClientRect() }));
  return boxes.flatMap(({ each: one, box: a }, i) =>
    boxes.slice(i + 1).flatMap(({ each: other, box: b }) => {
      if (one.contains(other) || other.contains(one)) return [];
      const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      return width > 1 && height > 1 ? [`${one.outerHTML} and ${other.outerHTML}`] : [];
    }),
  );
}

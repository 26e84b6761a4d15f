"""Scripts that run in the page and say which text cannot be read there."""

from __future__ import annotations

_TEXTS = """
const texts = () => [...document.body.querySelectorAll("*")].filter((element) =>
  !element.closest("script, style") && element.getClientRects().length > 0
  && [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()));
const named = (element) => `${element.tagName}: ${element.textContent.trim().slice(0, 40)}`;
"""
#: Elements that end beyond the window's right edge, but for those that scroll in a box of their own.
OVERFLOWING = f"""() => {{ {_TEXTS}
  return texts().filter((element) => !element.closest(".scroll")
    && element.getBoundingClientRect().right > innerWidth + 0.5).map(named);
}}"""
#: Text that is drawn smaller than so many pixels; in a figure its scale counts.
SMALL_TEXT = f"""(least) => {{ {_TEXTS}
  const scale = (element) => {{
    const drawn = element.ownerSVGElement && element.getScreenCTM();
    return drawn ? Math.hypot(drawn.a, drawn.b) : 1;
  }};
  const size = (element) => parseFloat(getComputedStyle(element).fontSize) * scale(element);
  return texts().filter((element) => size(element) < least - 0.05)
    .map((element) => `${{size(element)}} ${{named(element)}}`);
}}"""
#: The contrast ratio (WCAG 2.2) of every text with the ground behind it.
CONTRASTS = f"""() => {{ {_TEXTS}
  const parts = (colour) => {{
    const canvas = new OffscreenCanvas(1, 1).getContext("2d");
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  }};
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {{
    for (let at = element; at; at = at.parentElement) {{
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }}
    return [255, 255, 255, 255];
  }};
  return texts().map((element) => {{
    const style = getComputedStyle(element);
    const front = luminance(parts(element.ownerSVGElement ? style.fill : style.color));
    const [low, high] = [front, luminance(ground(element))].sort((a, b) => a - b);
    return {{ what: named(element), ratio: (high + 0.05) / (low + 0.05) }};
  }});
}}"""

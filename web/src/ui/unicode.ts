// RFC 3492 section 5: what the digits of an A-label mean.
const base = 36;
const [tMin, tMax, skew, damp, firstBias, firstCode] = [1, 26, 38, 700, 72, 128];

function adapt(delta: number, count: number, first: boolean): number {
  let d = first ? Math.floor(delta / damp) : delta >> 1;
  d += Math.floor(d / count);
  let k = 0;
  for (; d > ((base - tMin) * tMax) >> 1; k += base) d = Math.floor(d / (base - tMin));
  return k + Math.floor(((base - tMin + 1) * d) / (d + skew));
}

const digit = (c: number) => (c >= 0x61 ? c - 0x61 : c - 0x30 + 26);

/** The U-label of an A-label without its prefix; null for what is none. */
function decode(text: string): string | null {
  const cut = text.lastIndexOf("-");
  const out = cut < 0 ? [] : [...text.slice(0, cut)].map((c) => c.codePointAt(0)!);
  let [n, i, bias] = [firstCode, 0, firstBias];
  for (let at = cut + 1; at < text.length; ) {
    const before = i;
    for (let weight = 1, k = base; ; k += base) {
      if (at >= text.length) return null;
      const d = digit(text.charCodeAt(at++));
      if (!(d >= 0 && d < base)) return null;
      i += d * weight;
      const t = k <= bias ? tMin : k >= bias + tMax ? tMax : k - bias;
      if (d < t) break;
      weight *= base - t;
    }
    bias = adapt(i - before, out.length + 1, before === 0);
    n += Math.floor(i / (out.length + 1));
    i %= out.length + 1;
    if (n > 0x10ffff) return null;
    out.splice(i++, 0, n);
  }
  return String.fromCodePoint(...out);
}

/** A name as people write it; what is no A-label, or would read as another one, stays as it is. */
export function toUnicode(name: string): string {
  return name
    .split(".")
    .map((label) => {
      if (!/^xn--/i.test(label)) return label;
      const text = decode(label.slice(4).toLowerCase());
      return text === null || /[\p{C}\p{Z}.]/u.test(text) ? label : text;
    })
    .join(".");
}

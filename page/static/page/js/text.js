// The words of the page come with it (#page-texts), in the language it is shown in.

let words;

/** The sentence `key` with `{names}` replaced from `values`; the key itself if there is none.
 *
 * With `values.count` a key has one sentence for each plural form: `key.one`, `key.other`.
 */
export function text(key, values = {}) {
  words ??= JSON.parse(document.getElementById("page-texts")?.textContent || "{}");
  const form = "count" in values ? `${key}.${plural(values.count)}` : key;
  const found = words[form] ?? words[`${key}.other`] ?? words[key] ?? key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

const locale = () => document.documentElement.lang || "pt-BR";
// French-like forms ("many" for millions) read as the common one.
const plural = (count) => (new Intl.PluralRules(locale()).select(count) === "one" ? "one" : "other");

/** `seconds` as m:ss or h:mm:ss. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A moment (ISO 8601 or milliseconds) as people write it here. */
export function moment(value) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(
    new Date(value),
  );
}

/** `bytes` as people write them. */
export function bytes(count) {
  const mega = count / 1e6;
  const [number, unit] = mega >= 0.1 ? [mega, "megabyte"] : [count / 1e3, "kilobyte"];
  const options = { style: "unit", unit, maximumFractionDigits: mega >= 0.1 ? 1 : 0 };
  return new Intl.NumberFormat(locale(), options).format(number);
}

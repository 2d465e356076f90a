import { Input } from "@cloudflare/kumo/components/input";
import { useEffect, useState } from "react";
import { isoHint, isoMoment } from "./iso";

/** A date, or a date and time, as text in ISO 8601. It is handed on when it is whole: by Enter, or when the keyboard goes elsewhere. */
export function MomentField(props: { label: string; value: string | undefined; onChange: (value: string | undefined) => void }) {
  const asked = props.value ?? "";
  const [text, setText] = useState(asked);
  const [wrong, setWrong] = useState(false);
  // It follows the address where that changes by itself, by Back or by a link.
  useEffect(() => {
    setText(asked);
    setWrong(false);
  }, [asked]);
  const settle = () => {
    const next = text.trim();
    const bad = next !== "" && isoMoment(next) === undefined;
    setWrong(bad);
    if (!bad && next !== asked) props.onChange(next || undefined);
  };
  return (
    <Input
      className="w-full min-w-0"
      label={props.label}
      placeholder="YYYY-MM-DD hh:mm"
      title="A date, or a date and time, in your own time zone"
      autoComplete="off"
      spellCheck={false}
      value={text}
      aria-invalid={wrong || undefined}
      error={wrong ? isoHint : undefined}
      onChange={(e) => {
        setText(e.target.value);
        setWrong(false);
      }}
      onBlur={settle}
      onKeyDown={(e) => {
        if (e.key !== "Enter") return;
        e.preventDefault();
        settle();
      }}
    />
  );
}

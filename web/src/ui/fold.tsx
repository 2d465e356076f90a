import { Button } from "@cloudflare/kumo/components/button";
import { useId, useState, type ReactNode } from "react";

/** What would fill a phone before what people came for: there it is folded behind a button, elsewhere it stands as it is. */
export function PhoneFold(props: { label: string; icon?: ReactNode; className?: string; children: ReactNode }) {
  const [open, setOpen] = useState(false);
  const id = useId();
  return (
    <>
      <Button className="h-auto! max-w-full self-start py-2! text-left whitespace-normal! md:hidden" aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        {props.icon}
        {props.label}
      </Button>
      <div id={id} className={`${props.className ?? ""} ${open ? "" : "max-md:hidden"}`}>
        {props.children}
      </div>
    </>
  );
}

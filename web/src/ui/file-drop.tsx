import { FileArrowUpIcon } from "@phosphor-icons/react";
import { useId, useState } from "react";

/** Takes a file by drag and drop, or by choosing one. */
export function FileDrop(props: { label: string; file: File | null; onFile: (file: File | null) => void }) {
  const id = useId();
  const [over, setOver] = useState(false);
  return (
    <div>
      <label
        htmlFor={id}
        className={`flex cursor-pointer flex-col items-center gap-1 rounded-lg border border-dashed p-5 text-center text-sm text-kumo-default focus-within:outline-2 focus-within:outline-kumo-focus ${
          over ? "border-kumo-brand bg-kumo-tint" : "border-kumo-line"
        }`}
        onDragOver={(e) => {
          e.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(e) => {
          e.preventDefault();
          setOver(false);
          props.onFile(e.dataTransfer.files[0] ?? null);
        }}
      >
        <FileArrowUpIcon className="size-6 text-kumo-subtle" aria-hidden />
        <span className="font-medium">{props.label}</span>
        <span className="text-kumo-subtle">{props.file?.name ?? "Drop it here, or choose a file"}</span>
        <input
          id={id}
          type="file"
          className="sr-only"
          onChange={(e) => {
            props.onFile(e.target.files?.[0] ?? null);
            e.target.value = ""; // or choosing the same file again, mended, would change nothing
          }}
        />
      </label>
    </div>
  );
}

import { Select } from "@cloudflare/kumo/components/select";

/** A list to choose one text from. */
export function Choice<T extends string>(props: {
  label: string;
  value: T;
  options: readonly (readonly [value: T, label: string])[];
  onChange: (value: T) => void;
  hideLabel?: boolean;
  error?: string;
  /** What the one that is chosen means. */
  description?: string;
  className?: string;
  disabled?: boolean;
}) {
  return (
    <Select
      {...(props.hideLabel ? { "aria-label": props.label } : { label: props.label })}
      value={props.value}
      disabled={props.disabled}
      onValueChange={(v) => v !== null && props.onChange(v as T)}
      error={props.error}
      description={props.description}
      className={props.className ?? "w-full"}
      items={props.options.map(([value, label]) => ({ value, label }))}
    >
      {props.options.map(([value, label]) => (
        <Select.Option key={value} value={value}>
          {label}
        </Select.Option>
      ))}
    </Select>
  );
}

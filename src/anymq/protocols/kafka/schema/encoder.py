"""Write the function that encodes a message."""

from dataclasses import replace

from anymq.protocols.kafka.schema import layout
from anymq.protocols.kafka.schema.emit import Emitter
from anymq.protocols.kafka.schema.layout import Run, Variant
from anymq.protocols.kafka.schema.notation import Api, Field, Struct, Versions


class Encoder(Emitter):
    """Appends to the list `out`, whose parts are then joined. `_write` is what appends."""

    def __init__(self, api: Api, message: Struct, *, as_parts: bool) -> None:
        super().__init__(api)
        self._write = "write"
        self.add("out: list[Buffer] = []", "write = out.append")
        self._struct(message, "msg", api.versions)
        self.add("return out" if as_parts else 'return b"".join(out)')

    def _struct(self, struct: Struct, source: str, versions: Versions) -> None:
        """Write the fields of the struct which the variable `source` holds."""
        for run in layout.runs(self.api, struct, versions):
            last = run.last
            if last is None:
                self._variants(run, source, "", versions)
                continue
            parts = dict(layout.presence(last, versions))
            for part in self.by_version(list(parts)):
                if parts[part]:
                    self._last(struct, run, source, part)
                else:
                    self._variants(Run(run.fixed, None), source, "", part)

    def _last(self, struct: Struct, run: Run, source: str, versions: Versions) -> None:
        """Write a run whose last field is there."""
        last = run.last
        assert last is not None
        if last.type == "tags":
            self._tags(struct, run, source, versions)
        elif layout.is_single_struct(last):
            self._inner_struct(run, last, source, versions)
        else:
            value = f"{source}.{last.name}"
            data = self._measure(last, value)
            self._variants(run, source, "n", versions)
            self._content(last, value, data, versions)

    def _inner_struct(self, run: Run, last: Field, source: str, versions: Versions) -> None:
        name = f"inner_{self.number()}"
        self.add(f"{name} = {source}.{last.name}")
        self._variants(run, source, f"-1 if {name} is None else 1", versions)
        inner = self.api.structs[last.type]
        if layout.is_inline(last):
            self._struct(inner, name, versions)
            return
        with self.block(f"if {name} is not None:"):
            self._struct(inner, name, versions)

    def _measure(self, field: Field, value: str) -> str:
        """Find the length `n`; return the variable that has what is to follow it."""
        data = f"data_{self.number()}"
        if field.is_array:
            length = f"len({value})"
            none = f"-1 if {value} is None else " if layout.may_be_none(field) else ""
            self.add(f"n = {none}{length}")
            return data
        encoded = f"{value}.encode()" if field.type == "string" else value
        if layout.may_be_none(field):
            kind = ": Buffer" if field.type == "records" else ""
            with self.block(f"if {value} is None:"):
                self.add(f'{data}{kind} = b""', "n = -1")
            with self.block("else:"):
                self.add(f"{data} = {encoded}", f"n = len({data})")
        else:
            self.add(f"{data} = {encoded}", f"n = len({data})")
        return data

    def _variants(self, run: Run, source: str, length: str, versions: Versions) -> None:
        by_versions = {v.versions: v for v in layout.variants(self.api, run, versions)}
        for one in self.by_version(list(by_versions)):
            self._pack(by_versions[one], run.last, source, length)

    def _pack(self, variant: Variant, last: Field | None, source: str, length: str) -> None:
        """Write what is of fixed size, and the length."""
        fixed = variant.fixed
        values = [self._value(f, source) for f in fixed]
        if last is None or layout.is_inline(last):
            if fixed:
                self._call(fixed, "", values)
        elif last.type == "tags":
            self._tag_count(fixed, values, length)
        elif not variant.flexible:
            self._call(fixed, layout.length_code(last, False)[0], [*values, length])
        elif fixed:
            short, _ = self.layout(fixed, "B")
            alone, _ = self.layout(fixed)
            args = ", ".join(values)
            self.add(
                f"{self._write}(pack_{short}({args}, n + 1) if n < 127 "
                f"else pack_{alone}({args}) + uvarint(n + 1))"
            )
        else:
            self.add(f"{self._write}(BYTE[n + 1] if n < 127 else uvarint(n + 1))")

    def _tag_count(self, fixed: list[Field], values: list[str], length: str) -> None:
        if length != "0":
            self._call(fixed, "B", [*values, length])
        elif fixed:
            self._call(fixed, "x", values)
        else:
            self.add(f"{self._write}(BYTE[0])")

    def _call(self, fixed: list[Field], last: str, values: list[str]) -> None:
        name, _ = self.layout(fixed, last)
        self.add(f"{self._write}(pack_{name}({', '.join(values)}))")

    def _value(self, field: Field, source: str) -> str:
        value = f"{source}.{field.name}" if field.name else source
        return f"{value}.bytes" if field.type == "uuid" else value

    # --- what has a length ----------------------------------------------------------------------

    def _content(self, field: Field, value: str, data: str, versions: Versions) -> None:
        if not field.is_array:
            self.add(f"{self._write}({data})")
            return
        code = layout.FIXED.get(field.type, ("", 0))[0]
        if code and code in "bhiq":
            with self.block(f"if {value}:"):
                self.add(f"{self._write}({self._numbers(value, code)})")
            return
        item = f"item_{self.number()}"
        empty = " or ()" if layout.may_be_none(field) else ""
        with self.block(f"for {item} in {value}{empty}:"):
            if layout.is_struct(field):
                self._struct(self.api.structs[field.type], item, versions)
            else:
                self._plain_item(field, item, versions)

    def _numbers(self, value: str, code: str) -> str:
        """Replicas of partitions are many and short, so that the call counts (Metadata)."""
        packed = f'numbers({value}, "{code}")'
        return f"PACK_INT32S[n](*{value}) if n < FEW else {packed}" if code == "i" else packed

    def _plain_item(self, field: Field, item: str, versions: Versions) -> None:
        one = Field("", field.type, False, versions, Versions(1, 0), None, None)
        if layout.is_fixed(one):
            self._call([one], "", [self._value(one, item)])
            return
        data = self._measure(one, item)
        self._variants(Run([], one), item, "n", versions)
        self._content(one, item, data, versions)

    # --- tagged fields ----------------------------------------------------------------------------

    def _tags(self, struct: Struct, run: Run, source: str, versions: Versions) -> None:
        fields = layout.tags_of(struct, versions)
        if not fields:
            self._variants(run, source, "0", versions)
            return
        tags = f"tags_{self.number()}"
        count = tags.replace("tags", "count")
        self.add(f"{count} = 0", f'{tags} = b""')
        for field in fields:
            self._tag(field, source, tags, count, versions)
        self._variants(run, source, count, versions)
        with self.block(f"if {count}:"):
            self.add(f"{self._write}({tags})")

    def _tag(self, field: Field, source: str, tags: str, count: str, versions: Versions) -> None:
        there = field.versions.within(versions)
        since = "" if there.low <= versions.low else f"version >= {there.low} and "
        with self.block(f"if {since}{self._differs(field, source)}:"):
            out, outer = f"out_{self.number()}", self._write
            self._write = out.replace("out", "write")
            self.add(f"{out}: list[Buffer] = []", f"{self._write} = {out}.append")
            self._tagged_value(replace(field, versions=there, tag=None), source, there)
            self._write = outer
            self.add(f"{count} += 1", f'{tags} += tagged({field.tag}, b"".join({out}))')

    def _tagged_value(self, field: Field, source: str, versions: Versions) -> None:
        if layout.is_inline(field):
            self._struct(self.api.structs[field.type], f"{source}.{field.name}", versions)
        elif layout.is_fixed(field):
            self._variants(Run([field], None), source, "", versions)
        else:
            self._last(Struct(""), Run([], field), source, versions)

    def _differs(self, field: Field, source: str) -> str:
        """Return the condition that a tagged field is not what its absence says."""
        value = f"{source}.{field.name}"
        default = layout.python_default(field)
        if default in ("[]", "False", '""'):
            return value
        if field.type == "uuid":
            return f"{value}.int"
        return f"{value} is not None" if default == "None" else f"{value} != {default}"

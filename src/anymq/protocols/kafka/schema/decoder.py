"""Write the function that decodes a message."""

from anymq.protocols.kafka.schema import layout
from anymq.protocols.kafka.schema.emit import Emitter
from anymq.protocols.kafka.schema.layout import Run, Variant
from anymq.protocols.kafka.schema.notation import Api, Field, Struct, Versions


class Decoder(Emitter):
    """Reads from `data` at `pos`; `data` ends at `size`."""

    def __init__(self, api: Api, message: Struct, *, zero_copy: bool) -> None:
        super().__init__(api)
        self._zero_copy = zero_copy
        self.add("data = memoryview(buf)" if zero_copy else "data = bytes(buf)")
        self.add("size = len(data)")
        with self.block("try:"):
            self.add(f"return {self._struct(message, api.versions)}")
        with self.block("except DECODE_ERRORS as error:"):
            self.add(f'raise malformed("{message.name}", version, error) from error')

    def _struct(self, struct: Struct, versions: Versions) -> str:
        """Read the fields into variables; return the expression that makes the struct of them."""
        number = self.number()
        for field in layout.tags_of(struct, versions):
            self._set(number, field)
        for run in layout.runs(self.api, struct, versions):
            self._run(struct, number, run, versions)
        values = (
            f"{f.name}_{number}"
            if not f.versions.within(versions).empty
            else layout.python_default(f)
            for f in struct.fields
        )
        return f"{struct.name}({', '.join(values)})"

    def _set(self, number: int, field: Field) -> None:
        """Give a field its default, and its variable a type where that does not tell."""
        vague = field.is_array or layout.may_be_none(field)
        kind = f": {self._type(field)}" if vague else ""
        self.add(f"{field.name}_{number}{kind} = {layout.python_default(field)}")

    def _type(self, field: Field) -> str:
        return layout.python_type(field).replace("Buffer", "memoryview")

    def _run(self, struct: Struct, number: int, run: Run, versions: Versions) -> None:
        last = run.last
        if last is None:
            self._variants(struct, number, run, versions)
            return
        if last.type != "tags" and (last.is_array or layout.may_be_none(last)):
            self.add(f"{last.name}_{number}: {self._type(last)}")
        parts = dict(layout.presence(last, versions))
        for part in self.by_version(list(parts)):
            if parts[part]:
                self._variants(struct, number, run, part)
                self._content(struct, f"{last.name}_{number}", last, part)
            else:
                self._variants(struct, number, Run(run.fixed, None), part)
                if last.type != "tags":
                    self.add(f"{last.name}_{number} = {layout.python_default(last)}")

    def _variants(self, struct: Struct, number: int, run: Run, versions: Versions) -> None:
        by_versions = {v.versions: v for v in layout.variants(self.api, run, versions)}
        for one in self.by_version(list(by_versions)):
            variant = by_versions[one]
            self._read(number, variant, run.last)
            for field in run.fixed:
                if field not in variant.fixed:
                    self.add(f"{field.name}_{number} = {layout.python_default(field)}")

    def _read(self, number: int, variant: Variant, last: Field | None) -> None:
        """Read what is of fixed size, and the length of what is not."""
        code, length_size = layout.length_code(last, variant.flexible) if last else ("", 0)
        names = [f"{f.name}_{number}" for f in variant.fixed]
        if length_size:
            names.append("n")
        if names == ["n"] and length_size == 1:
            self.add("n = data[pos]", "pos += 1")
        elif names:
            name, size = self.layout(variant.fixed, code)
            target = f"{names[0]}," if len(names) == 1 else ", ".join(names)
            target = f"({target})" if len(names) == 1 else target
            self.add(f"{target} = read_{name}(data, pos)", f"pos += {size + length_size}")
        for field in variant.fixed:
            if field.type == "uuid":
                self.add(f"{field.name}_{number} = uuid_of({field.name}_{number})")
        if variant.flexible and last is not None and last.type != "tags":
            self._longer(last)
            self.add("n -= 1")

    def _longer(self, last: Field) -> None:
        is_string = last.type == "string" and not last.is_array
        with self.block("if n > 127:"):
            self.add(f"n, pos = longer_{'string' if is_string else 'uvarint'}(data, pos, n)")

    # --- what has a length ----------------------------------------------------------------------

    def _content(self, struct: Struct, name: str, field: Field, versions: Versions) -> None:
        if field.type == "tags":
            self._tags(struct, name.removeprefix("tags_"), versions)
        elif layout.is_inline(field):
            self.add(f"{name} = {self._struct(self.api.structs[field.type], versions)}")
        elif layout.is_single_struct(field):
            with self.block("if n < 0 or n > 127:"):
                self.add(f"{name} = None")
            with self.block("else:"):
                self.add(f"{name} = {self._struct(self.api.structs[field.type], versions)}")
        else:
            self._maybe_null(name, field, versions)

    def _maybe_null(self, name: str, field: Field, versions: Versions) -> None:
        nullable = field.nullable.within(versions)
        if nullable.empty:
            self._whole(name, field, versions)
            return
        since = "" if nullable.low <= versions.low else f" and version >= {nullable.low}"
        with self.block(f"if n == -1{since}:"):
            self.add(f"{name} = None")
        with self.block("else:"):
            self._whole(name, field, versions)

    def _whole(self, name: str, field: Field, versions: Versions) -> None:
        label = name.rpartition("_")[0]
        if field.is_array:
            self._array(name, label, field, versions)
            return
        self.add("end = pos + n")
        with self.block("if not pos <= end <= size:"):
            self.add(f'raise bad_length("{label}", n)')
        self.add(f"{name} = {self._slice(field)}", "pos = end")

    def _slice(self, field: Field) -> str:
        if field.type == "string":
            return 'str(data[pos:end], "utf-8")' if self._zero_copy else "data[pos:end].decode()"
        if field.type == "bytes" and self._zero_copy:
            return "bytes(data[pos:end])"
        return "data[pos:end]"

    def _array(self, name: str, label: str, field: Field, versions: Versions) -> None:
        least = layout.least_size(self.api, field, versions)
        least_of_all = "n" if least == 1 else f"n * {least}"
        with self.block(f"if n < 0 or {least_of_all} > size - pos:"):
            self.add(f'raise bad_length("{label}", n)')
        code, size = layout.FIXED.get(field.type, ("", 0))
        if code in "bhiq" and code:
            self.add(f'{name} = read_numbers(data, pos, n, "{code}")', f"pos += n * {size}")
            return
        self.add(f"{name} = []")
        with self.block("for _ in range(n):"):
            self.add(f"{name}.append({self._element(field, versions)})")

    def _element(self, field: Field, versions: Versions) -> str:
        if layout.is_struct(field):
            return self._struct(self.api.structs[field.type], versions)
        one = Field("item", field.type, False, versions, Versions(1, 0), None, None)
        number = self.number()
        is_fixed = layout.is_fixed(one)
        run = Run([one], None) if is_fixed else Run([], one)
        self._run(Struct(""), number, run, versions)
        return f"item_{number}"

    # --- tagged fields ----------------------------------------------------------------------------

    def _tags(self, struct: Struct, number: str, versions: Versions) -> None:
        fields = layout.tags_of(struct, versions)
        if not fields:
            with self.block("if n:"):
                self.add("pos = skip_tags(data, pos, n)")
            return
        end = f"end_{number}"
        with self.block("if n > 127:"):
            self.add("n, pos = longer_uvarint(data, pos, n)")
        with self.block("for _ in range(n):"):
            self.add("tag, pos = read_uvarint(data, pos)", "n, pos = read_uvarint(data, pos)")
            self.add(f"{end} = pos + n")
            with self.block(f"if {end} > size:"):
                self.add('raise bad_length("tagged field", n)')
            for field in fields:
                self._tag(field, number, end, versions)
            self.add(f"pos = {end}")

    def _tag(self, field: Field, number: str, end: str, versions: Versions) -> None:
        there = field.versions.within(versions)
        since = "" if there.low <= versions.low else f" and version >= {there.low}"
        with self.block(f"if tag == {field.tag}{since}:"):
            name = f"{field.name}_{number}"
            self._tag_value(name, int(number), field, there)
            with self.block(f"if pos != {end}:"):
                self.add(f"raise bad_tag({field.tag})")

    def _tag_value(self, name: str, number: int, field: Field, versions: Versions) -> None:
        if layout.is_single_struct(field):
            self.add(f"{name} = {self._struct(self.api.structs[field.type], versions)}")
            return
        is_fixed = layout.is_fixed(field)
        self._read_tagged(number, Run([field], None) if is_fixed else Run([], field), versions)

    def _read_tagged(self, number: int, run: Run, versions: Versions) -> None:
        (variant,) = layout.variants(self.api, run, versions)
        self._read(number, variant, run.last)
        if run.last is not None:
            self._content(Struct(""), f"{run.last.name}_{number}", run.last, versions)

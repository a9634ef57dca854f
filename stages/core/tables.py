"""The only doors through which tables are written and read. Both validate; writing is atomic."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from stages.core.errors import SchemaError
from stages.core.schemas import ROWS_PER_GROUP, Column, Rows, Schema
from stages.core.storage import atomic_file

REMAKE = "delete it and run `dvc repro` to make it anew"


def write(path: Path, schema: Schema, rows: Rows) -> None:
    """Validate and write a whole table.

    Raises:
        SchemaError: a column is missing, extra or ill-typed; a value is null, NaN, infinite or too small where that
            is not allowed. The old file, if any, stays.
        StorageError: the disk is full or the folder read-only.
    """
    with writing(path, schema, rows.meta) as pieces:
        pieces.append(rows.frame, rows.values)


@contextlib.contextmanager
def writing(path: Path, schema: Schema, meta: Mapping[str, str]) -> Iterator[Pieces]:
    """Write a table in pieces, memory bounded by a piece; the file appears only when the block ends well.

    Raises:
        SchemaError, StorageError: as `write`.
    """
    with atomic_file(path) as temporary:
        pieces = Pieces(temporary, schema, meta, path)
        try:
            yield pieces
        finally:
            pieces.close()


class Pieces:
    """The open end of a table that is being written; made by `writing`."""

    def __init__(self, temporary: Path, schema: Schema, meta: Mapping[str, str], path: Path) -> None:
        self._temporary, self._schema, self._path = temporary, schema, path
        # What another table's metadata says of its own schema and shape does not hold for this one.
        self._meta = {**meta, "schema": schema.name, "version": str(schema.version)}
        self._meta.pop("shape", None)
        if absent := [fact for fact in schema.facts if fact not in meta]:
            raise SchemaError(f"the metadata of {schema.name} lacks {', '.join(absent)}", where=str(path))
        self._parquet: pq.ParquetWriter | None = None

    def append(self, frame: pd.DataFrame, values: NDArray[np.float32] | None = None) -> None:
        """Add rows. An empty piece fixes the array's trailing shape, so that an empty table has one, and no more."""
        if values is not None:
            self._meta.setdefault("shape", json.dumps(values.shape[1:]))
        table = _to_arrow(self._schema, frame, values, self._meta, self._path)
        if self._parquet is None:
            # Packed floats hardly compress (9 %) and are slow to inflate.
            compression = "none" if self._schema.packed else "zstd"
            self._parquet = pq.ParquetWriter(
                self._temporary, table.schema, compression=compression, use_dictionary=["clip"]
            )
        if len(table):
            self._parquet.write_table(table, row_group_size=ROWS_PER_GROUP)

    def close(self) -> None:
        """Write the footer."""
        if self._parquet is not None:
            self._parquet.close()


def read(path: Path, schema: Schema) -> Rows:
    """Read and validate a whole table.

    Raises:
        SchemaError: the file is missing, is no Parquet file, holds another table or another schema version.
    """
    parquet, meta = _open(path, schema)
    with _undamaged(path, schema):
        return _from_arrow(schema, parquet.read(), meta)


def read_groups(path: Path, schema: Schema) -> Iterator[Rows]:
    """Read a table one row group at a time; only an empty table gives a piece without rows, to tell its shape.

    Raises:
        SchemaError: as `read`.
    """
    parquet, meta = _open(path, schema)
    if not parquet.num_row_groups:
        with _undamaged(path, schema):
            rows = _from_arrow(schema, parquet.read(), meta)
        yield rows
    for group in range(parquet.num_row_groups):
        with _undamaged(path, schema):
            rows = _from_arrow(schema, parquet.read_row_group(group), meta)
        yield rows


def read_rows(path: Path, schema: Schema, start: int, stop: int) -> Rows:
    """Rows `[start, stop)`, reading only the row groups they lie in.

    Raises:
        SchemaError: as `read`.
    """
    parquet, meta = _open(path, schema)
    sizes = [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]
    ends = np.cumsum(sizes)
    groups = [group for group, end in enumerate(ends) if end > start and end - sizes[group] < stop]
    offset = int(ends[groups[0]] - sizes[groups[0]]) if groups else 0
    with _undamaged(path, schema):
        table = parquet.read_row_groups(groups).slice(start - offset, stop - start)
        return _from_arrow(schema, table, meta)


def read_meta(path: Path, schema: Schema) -> dict[str, str]:
    """Only the metadata, from the file's footer.

    Raises:
        SchemaError: as `read`.
    """
    return _open(path, schema)[1]


@contextlib.contextmanager
def _undamaged(path: Path, schema: Schema) -> Iterator[None]:
    """Damage behind a whole footer shows only when the page it lies in is read."""
    try:
        yield
    except (pa.ArrowException, ArithmeticError, LookupError, OSError, TypeError, ValueError) as error:
        raise SchemaError(f"it does not hold what {schema.name} are: {error}", where=str(path), fix=REMAKE) from error


def _open(path: Path, schema: Schema) -> tuple[pq.ParquetFile, dict[str, str]]:
    """A file and its metadata. What describes its columns is asked for once, as it is made anew each time."""
    where = str(path)
    try:
        parquet = pq.ParquetFile(path)
    except FileNotFoundError as error:
        raise SchemaError(f"there is no {schema.name} table", where=where, fix="make it: `dvc repro`") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise SchemaError(f"not a readable Parquet file: {error}", where=where, fix=REMAKE) from error
    columns = parquet.schema_arrow
    meta = _meta(columns)
    found, version = meta.get("schema", "unknown"), meta.get("version", "unknown")
    if found != schema.name:
        raise SchemaError(f"expected a table of {schema.name}, found {found!r}", where=where, fix="give the right file")
    if version != str(schema.version):
        raise SchemaError(f"schema version {version}; this normotion reads {schema.version}", where=where, fix=REMAKE)
    if absent := [fact for fact in schema.facts if fact not in meta]:
        raise SchemaError(f"the metadata of {schema.name} lacks {', '.join(absent)}", where=where, fix=REMAKE)
    expected = {*schema.names(), *([schema.array.name] if schema.array else [])}
    if set(columns.names) != expected:
        differing = sorted(set(columns.names) ^ expected)
        raise SchemaError(f"columns differ from those of {schema.name}: {differing}", where=where, fix=REMAKE)
    return parquet, meta


def _meta(columns: pa.Schema) -> dict[str, str]:
    raw = columns.metadata or {}
    return {key.decode(): value.decode() for key, value in raw.items() if not key.startswith(b"ARROW:")}


def _to_arrow(
    schema: Schema, frame: pd.DataFrame, values: NDArray[np.float32] | None, meta: Mapping[str, str], path: Path
) -> pa.Table:
    if set(frame.columns) != set(schema.names()):
        raise SchemaError(f"columns {sorted(frame.columns)} are not those of {schema.name}", where=str(path))
    if (values is None) != (schema.array is None):
        raise SchemaError(f"{schema.name} {'needs' if schema.array else 'takes no'} array values", where=str(path))
    fields = [pa.field(column.name, column.type, nullable=column.nullable) for column in schema.columns]
    arrays = [_to_scalars(column, frame[column.name], schema, path) for column in schema.columns]
    if schema.array is not None and values is not None:
        _check_values(values, len(frame), schema, meta, path)
        arrays.append(_pack(values) if schema.packed else _list(values))
        fields.append(pa.field(schema.array.name, arrays[-1].type, nullable=False))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=dict(meta)))


def _list(values: NDArray[np.float32]) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, int(np.prod(values.shape[1:])))


def _pack(values: NDArray[np.float32]) -> pa.Array:
    """Little-endian float32, row by row: read about three times as fast as a list (docs/decisions/0005)."""
    packed = np.ascontiguousarray(values, dtype="<f4")
    width = 4 * int(np.prod(values.shape[1:]))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(values), [None, pa.py_buffer(packed.data)])


def _to_scalars(column: Column, series: pd.Series[Any], schema: Schema, path: Path) -> pa.Array:
    name = f"{schema.name}.{column.name}"
    try:
        array = pa.Array.from_pandas(series, type=column.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SchemaError(f"{name}: {error}", where=str(path)) from error
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if array.null_count and not column.nullable:
        _refuse(array.is_null().to_numpy(zero_copy_only=False), f"{name} has null or NaN values", path)
    if pa.types.is_floating(column.type):
        _refuse(np.isinf(array.to_numpy(zero_copy_only=False)), f"{name} has infinite values", path)
    if column.least is not None and len(array):
        numbers = array.drop_null().to_numpy(zero_copy_only=False)
        _refuse(numbers < column.least, f"{name} has values below {column.least:g}", path)
    return array


def _check_values(values: NDArray[np.float32], rows: int, schema: Schema, meta: Mapping[str, str], path: Path) -> None:
    name = f"{schema.name}.{schema.array.name if schema.array else ''}"
    if len(values) != rows or json.dumps(values.shape[1:]) != meta["shape"]:
        raise SchemaError(f"{name}: shape {values.shape} for {rows} rows of {meta['shape']}", where=str(path))
    _refuse(~np.isfinite(values).all(axis=tuple(range(1, values.ndim))), f"{name} has NaN or infinite values", path)


def _refuse(bad: Any, what: str, path: Path) -> None:
    if bad.any():
        raise SchemaError(f"{what} in {int(bad.sum())} rows", where=f"{path}, first at row {int(bad.argmax())}")


_NULLABLE = {pa.int8(): pd.Int8Dtype(), pa.int32(): pd.Int32Dtype()}


def _from_arrow(schema: Schema, table: pa.Table, meta: dict[str, str]) -> Rows:
    """Nullable integers stay integers with NA instead of turning into floats."""
    columns = {
        column.name: table.column(column.name).to_pandas(types_mapper=_NULLABLE.get if column.nullable else None)
        for column in schema.columns
    }
    frame = pd.DataFrame(columns)
    if schema.array is None:
        return Rows(frame, None, meta)
    shape = (len(frame), *json.loads(meta["shape"]))
    return Rows(frame, _unpack(table.column(schema.array.name), schema.packed).reshape(shape), meta)


def _unpack(column: pa.ChunkedArray, packed: bool) -> NDArray[np.float32]:
    array = pa.concat_arrays(column.chunks) if column.num_chunks else column.combine_chunks()
    if not packed:
        return np.asarray(array.flatten().to_numpy(zero_copy_only=False))
    width = array.type.byte_width // 4
    values = np.frombuffer(array.buffers()[1] or b"", dtype="<f4")
    return values[array.offset * width : (array.offset + len(array)) * width]

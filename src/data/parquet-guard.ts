/**
 * @file Reads the page headers of a Parquet file before anything is decoded. The decoder believes them and reserves what they
 * claim, so one damaged byte in a header could end the process for want of memory, where no error can be caught. What is inside
 * a page is the decoder's to check.
 */
import type { AsyncBuffer, FileMetaData } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";

/** Writers make pages of about a megabyte; one of this size is no page. */
const largestPage = 2 ** 28;

/**
 * Checks every page of the named columns: it lies inside its column chunk, its sizes are possible, and the chunk's pages hold
 * the rows of its group.
 * @throws Error: what is wrong, for `parseParquet` to wrap
 */
export async function checkPages(file: AsyncBuffer, metadata: FileMetaData, names: ReadonlySet<string>): Promise<void> {
  for (const group of metadata.row_groups) {
    const rows = Number(group.num_rows);
    for (const { meta_data: meta } of group.columns) {
      if (meta === undefined) throw new Error("a column has no description");
      const name = meta.path_in_schema.join(".");
      if (!names.has(name)) continue;
      // The same choice as the decoder's: a dictionary, if there is one, stands first.
      const from = Number(meta.dictionary_page_offset || meta.data_page_offset);
      const to = from + Number(meta.total_compressed_size);
      if (!(from >= 4 && from < to && to <= file.byteLength)) throw new Error(`column "${name}" lies outside the file`);
      const bytes = new DataView(await file.slice(from, to));
      const unpacked = Math.min(Number(meta.total_uncompressed_size), largestPage);
      const reader = { view: bytes, offset: 0 };
      let values = 0;
      while (values < rows) {
        if (reader.offset >= bytes.byteLength) throw new Error(`column "${name}" ends after ${values} of ${rows} values`);
        const header = parquetHeader(reader);
        const data = header.data_page_header ?? header.data_page_header_v2;
        const due = data === undefined ? unpacked : rows - values;
        const count = data?.num_values ?? header.dictionary_page_header?.num_values ?? 0;
        const size = header.compressed_page_size;
        if (!(Number.isInteger(count) && count >= 0 && count <= due))
          throw new Error(`a page of column "${name}" claims ${count} values`);
        if (!(size >= 0 && reader.offset + size <= bytes.byteLength))
          throw new Error(`a page of column "${name}" lies outside its column`);
        if (!(header.uncompressed_page_size >= 0 && header.uncompressed_page_size <= unpacked)) {
          throw new Error(`a page of column "${name}" claims ${header.uncompressed_page_size} bytes`);
        }
        const v2 = header.data_page_header_v2;
        // Columns here are flat: a row is a value, and nothing repeats.
        if (
          data !== undefined &&
          (data.encoding === undefined || (v2 && !(v2.num_rows === count && v2.num_nulls <= count && fitsLevels(v2, size))))
        ) {
          throw new Error(`a page of column "${name}" has an impossible header`);
        }
        if (data !== undefined) values += count;
        reader.offset += size;
      }
    }
  }
}

function fitsLevels(
  page: { repetition_levels_byte_length: number; definition_levels_byte_length: number },
  size: number,
): boolean {
  const { repetition_levels_byte_length: repetition, definition_levels_byte_length: definition } = page;
  return repetition === 0 && definition >= 0 && definition <= size;
}

// What is sent to listeners: short, and of characters that UTF-8 has. A database in another
// encoding can hold bytes that it has not, and the error that comes of one, when the result is
// sent, would be everybody's.

#include <algorithm>

#include "extension/guard.h"

extern "C" {
#include "access/detoast.h"
}

namespace dashboard_diff {

namespace {

// How many bytes from the start can be converted. `buffer` has room for all that comes of it.
int convertible(Oid conversion, char* text, int size, unsigned char* buffer) {
    if (GetDatabaseEncoding() == PG_SQL_ASCII)
        return pg_encoding_verifymbstr(PG_UTF8, text, size);
    return pg_do_encoding_conversion_buf(conversion, GetDatabaseEncoding(), PG_UTF8,
                                         reinterpret_cast<unsigned char*>(text), size, buffer,
                                         size * MAX_CONVERSION_GROWTH + 1, true);
}

bool is_ascii(const char* text, int size) {
    return std::all_of(text, text + size, [](char c) { return (c & 0x80) == 0; });
}

// True if something had to be replaced.
bool replace_unsendable(char* text, int size) {
    const int encoding = GetDatabaseEncoding();
    if (encoding == PG_UTF8 || is_ascii(text, size))
        return false;
    Oid conversion = InvalidOid;
    unsigned char* buffer = nullptr;
    if (encoding != PG_SQL_ASCII) {
        conversion = FindDefaultConversionProc(encoding, PG_UTF8);
        if (!OidIsValid(conversion))
            return false; // the server says so
        buffer = static_cast<unsigned char*>(
            palloc_extended(static_cast<Size>(size) * MAX_CONVERSION_GROWTH + 1, MCXT_ALLOC_HUGE));
    }
    bool changed = false;
    while (size > 0) {
        const int good = convertible(conversion, text, size, buffer);
        text += good;
        size -= good;
        if (size <= 0)
            break;
        const int bad = encoding == PG_SQL_ASCII ? 1 : std::clamp(pg_mblen(text), 1, size);
        std::fill(text, text + bad, '?');
        text += bad;
        size -= bad;
        changed = true;
    }
    if (buffer != nullptr)
        pfree(buffer);
    return changed;
}

Datum sendable_text(Datum given, int max_chars) {
    const Size bytes = toast_raw_datum_size(given) - VARHDRSZ;
    const Size limit = static_cast<Size>(std::max(max_chars, 0));
    if (bytes <= limit && GetDatabaseEncoding() == PG_UTF8)
        return given;
    // Of what is longer no more is fetched than can be needed.
    const Size most = limit * static_cast<Size>(pg_database_encoding_max_length());
    const text* part = bytes <= most ? DatumGetTextPCopy(given)
                                     : DatumGetTextPSlice(given, 0, static_cast<int32>(most));
    char* data = VARDATA_ANY(part);
    int size = static_cast<int>(VARSIZE_ANY_EXHDR(part));
    size = std::min(size, pg_mbcharcliplen(data, size, max_chars));
    text* result = cstring_to_text_with_len(data, size);
    replace_unsendable(VARDATA(result), size);
    return PointerGetDatum(result);
}

// False: it is larger.
bool make_sendable(Datum given, int max_bytes, Datum* result) {
    if (toast_raw_datum_size(given) > static_cast<Size>(std::max(max_bytes, 0)))
        return false;
    *result = given;
    if (GetDatabaseEncoding() == PG_UTF8)
        return true;
    Jsonb* document = DatumGetJsonbP(given);
    char* json = JsonbToCString(nullptr, &document->root, static_cast<int>(VARSIZE(document)));
    // Which are never the characters that JSON is made of.
    if (replace_unsendable(json, static_cast<int>(strlen(json))))
        *result = DirectFunctionCall1(jsonb_in, CStringGetDatum(json));
    return true;
}

} // namespace

DASHBOARD_DIFF_FUNCTION(dashboard_diff_sendable_text) {
    // What is short and right, as nearly all of it is, is done with at once.
    if (const Datum given = PG_GETARG_DATUM(0); GetDatabaseEncoding() == PG_UTF8) {
        const Pointer text = DatumGetPointer(given);
        if (!VARATT_IS_EXTERNAL(text) && !VARATT_IS_COMPRESSED(text))
            if (VARSIZE_ANY_EXHDR(text) <= static_cast<Size>(std::max(PG_GETARG_INT32(1), 0)))
                return given;
    }
    return guarded([&] { return sendable_text(PG_GETARG_DATUM(0), PG_GETARG_INT32(1)); });
}

DASHBOARD_DIFF_FUNCTION(dashboard_diff_sendable_jsonb) {
    return guarded([&] {
        Datum result = 0;
        fcinfo->isnull = !make_sendable(PG_GETARG_DATUM(0), PG_GETARG_INT32(1), &result);
        return result;
    });
}

} // namespace dashboard_diff

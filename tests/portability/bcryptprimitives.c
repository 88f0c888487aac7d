/* Every Rust program for Windows takes its random numbers from this library, which Wine has had since version 8.3 only. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID, ULONG); /* RtlGenRandom */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T length) {
    while (length > 0) {
        ULONG piece = length < 1 << 20 ? (ULONG)length : 1 << 20;
        if (!SystemFunction036(bytes, piece)) return FALSE;
        bytes += piece;
        length -= piece;
    }
    return TRUE;
}

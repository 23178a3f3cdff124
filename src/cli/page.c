/* Puts the page of `translution report` together: one file, which loads nothing and runs nothing. */
#include <stdlib.h>

#include "cli/page.h"

/* Colours of runs have at least 3:1 against the paper, text more than 4.5:1, in light and in dark. */
static const char style[] =
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--soft:#57606a;--rule:#d0d7de;--mark:#fff1c2;"
    "--run0:#0b62c4;--run1:#c2410c;--run2:#15803d;--run3:#7e22ce;--run4:#be185d;--run5:#0e7490;--run6:#"
    "854d0e;"
    "--run7:#4b5563;--heat:11 98 196}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e6e9ec;--soft:#a3adb8;--rule:#3a424c;"
    "--mark:#4a3d12;--run0:#6cb2ff;--run1:#ff9d66;--run2:#5fd38d;--run3:#c99bff;--run4:#ff8cc0;--run5:#"
    "4fd1e0;"
    "--run6:#e0c25a;--run7:#b8c0c8;--heat:90 150 230}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:1rem;max-width:80rem;background:var(--paper);color:var(--ink);"
    "font:1rem/1.5 system-ui,sans-serif}\n"
    "h1{font-size:1.5rem}h2{font-size:1.25rem}h3{font-size:1rem;margin:0;overflow-wrap:anywhere}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:2rem "
    "1.5rem}\n"
    "figure{margin:0;min-width:0}\n"
    "figcaption ul{display:flex;flex-wrap:wrap;gap:0 1rem;list-style:none;margin:0 0 .5rem;padding:0;"
    "font-size:.875rem}\n"
    "figcaption li{min-width:0;overflow-wrap:anywhere}\n"
    ".sample{width:1.75rem;height:.5rem;flex:none}.sample path{stroke:currentColor}\n"
    ".test{color:var(--soft)}\n"
    ".plot svg{display:block;width:100%;height:auto}\n"
    ".plot g,.plot use{color:inherit}.plot path{stroke:currentColor}.plot .gridline{stroke:var(--rule)}\n"
    ".plot polygon{fill:currentColor}.plot text{fill:currentColor}.plot "
    "tspan{font-family:system-ui,sans-serif}\n"
    ".run0.run0{color:var(--run0)}.run1.run1{color:var(--run1)}.run2.run2{color:var(--run2)}"
    ".run3.run3{color:var(--run3)}.run4.run4{color:var(--run4)}.run5.run5{color:var(--run5)}"
    ".run6.run6{color:var(--run6)}.run7.run7{color:var(--run7)}\n"
    ".scroll{overflow:auto;max-height:30rem;margin:.5rem 0}\n"
    "table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}\n"
    "caption{text-align:left;color:var(--soft)}\n"
    "th,td{padding:.25rem .75rem;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top;"
    "min-width:5rem;max-width:20rem;overflow-wrap:break-word}\n"
    "thead th{vertical-align:bottom}tbody th{font-weight:normal}\n"
    ".differs,.fault{background:var(--mark)}.mark{font-weight:bold}\n"
    ".map td,.map th{min-width:0;padding:.125rem .25rem;font-size:.75rem;text-align:right}.map "
    "td{white-space:nowrap}.map caption{min-width:16rem}\n"
    ".h1{background:rgb(var(--heat)/.06)}.h2{background:rgb(var(--heat)/.12)}.h3{background:rgb(var(--heat)/"
    ".18)}"
    ".h4{background:rgb(var(--heat)/.24)}.h5{background:rgb(var(--heat)/.3)}.h6{background:rgb(var(--heat)/"
    ".36)}"
    ".h7{background:rgb(var(--heat)/.42)}.h8{background:rgb(var(--heat)/.48)}.h9{background:rgb(var(--heat)/"
    ".54)}\n"
    "summary{cursor:pointer;padding:.25rem 0}details+details{margin-top:1rem}\n"
    ":focus-visible{outline:3px solid var(--run0);outline-offset:2px}\n"
    "@media print{.scroll{max-height:none;overflow:visible}}\n";

static void page_head(const page *p, const char *title, FILE *out)
{
    fprintf(out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
            "'unsafe-inline'%s\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
            p->live ? "; script-src 'self'; connect-src 'self'" : "");
    if (p->live) tli_page_live_head(out);
    fprintf(out, "<title>%s</title>\n<style>\n%s</style>\n</head>\n", title, style);
}

static tl_status page_write(page *p, FILE *out, tl_error *err)
{
    const char *title = p->count > 1 ? "Runs compared" : "A run";
    page_head(p, title, out);
    fprintf(out, "<body>\n%s<main>\n<h1>%s</h1>\n", p->live ? "<p id=\"live\" role=\"status\"></p>\n" : "",
            title);
    tli_page_results(p, out);
    tli_page_runs(p, out);
    tli_page_settings(p, out);
    TLI_TRY(tli_page_pictures(p, out, err));
    tli_page_confusion(p, out);
    TLI_TRY(tli_page_maps(p, out, err));
    tli_page_attention(p, out);
    fprintf(out, "</main>\n<footer><p>Made by translution %s.</p></footer>\n</body>\n</html>\n", TL_VERSION);
    return TL_OK;
}

tl_status tli_page_make(page *p, char **text, size_t *bytes, tl_error *err)
{
    static const char no_memory[] = "out of host memory while making the page";
    *text = NULL;
    FILE *memory = open_memstream(text, bytes);
    if (memory == NULL) return tli_fail(err, TL_ERROR_MEMORY, no_memory);
    tl_status status = page_write(p, memory, err);
    if (fclose(memory) != 0 && status == TL_OK) status = tli_fail(err, TL_ERROR_MEMORY, no_memory);
    if (status != TL_OK) {
        free(*text);
        *text = NULL;
    }
    return status;
}

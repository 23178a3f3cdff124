# tl_embed(TARGET FILES NAME HEADER): embeds the files of a pattern in a target as byte arrays (no limits on string literals, no
# escaping). The generated NAMEs_embedded.c defines what src/HEADER declares:
#   const tli_embedded_file tli_embedded_NAMEs[]; const int tli_embedded_NAME_count;

set(TL_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/embed_script.cmake)

function(tl_embed target files name header)
  file(GLOB found CONFIGURE_DEPENDS ${files})
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${name}s_embedded.c)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFILES=${files} -DNAME=${name} -DHEADER=${header} -DOUTPUT=${output} -P ${TL_EMBED_SCRIPT}
    DEPENDS ${found} ${TL_EMBED_SCRIPT}
    COMMENT "Embedding ${name}s")
  target_sources(${target} PRIVATE ${output})
endfunction()

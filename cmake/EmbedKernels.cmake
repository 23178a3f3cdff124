# Embeds kernels/*.cl in a target as byte arrays (no limits on string literals, no escaping).
# The generated kernels_embedded.c defines, for src/device/program.c:
#   const tli_embedded_kernel tli_embedded_kernels[]; const int tli_embedded_kernel_count;

set(TL_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/embed_kernels_script.cmake)

function(tl_embed_kernels target folder)
  file(GLOB kernels CONFIGURE_DEPENDS ${folder}/*.cl)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/kernels_embedded.c)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder} -DOUTPUT=${output} -P ${TL_EMBED_SCRIPT}
    DEPENDS ${kernels} ${TL_EMBED_SCRIPT}
    COMMENT "Embedding kernels")
  target_sources(${target} PRIVATE ${output})
endfunction()

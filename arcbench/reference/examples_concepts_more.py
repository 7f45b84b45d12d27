"""The second half of the examples of `concepts`, in the form of `examples_concepts`."""

LINES = """
cells_as_column             small
cells_as_row                small
checkerboard                first_two
color_rows_by_position      positions  RED, YELLOW, BLUE
connect                     pairs
connect_columns             pairs
connect_halfway             wide_gap  GRAY
connect_rows                pairs
cycle_ring_colors           rings
denoise_stripes             noisy_stripes
draw_border                 sparse    BLUE
draw_cross                  sparse    YELLOW
draw_grid_lines             sparse    BLUE, 3
extend_color                sparse    RED
extend_columns              sparse
extend_diagonals            sparse
extend_diagonals_of         sparse    RED
extend_rows                 sparse
fill_empty_lines            pairs     BLUE
fill_lines_with_cells       sparse    YELLOW
gravity                     noise
grow_staircase              row
mark_crossings              edge_cells  RED
mark_uniform_lines          uniform
recolor_alternate_lines     solid     "row", 0, GREEN, BLUE
remove_background_lines     sparse
remove_uniform_lines        uniform
reverse_rings               rings
shoot                       sparse    "right"
shoot_dashed                sparse    "down", GRAY
shoot_diagonal              sparse
sort_columns                bars
sort_rows                   edge_cells
unique_columns              coarse
unique_lines                coarse
unique_rows                 coarse
"""

OBJECTS = """
color_of_object             objs
crop_object                 frame_scene  "largest"
crop_object_box             frame_scene  "largest"
denoise                     noisy_blocks
fill_boxes                  objs
keep_objects                objs      "largest"
keep_objects_of_size        objs      5
largest_object              objs
mirror_objects              objs
recolor_by_column_key       column_key  GRAY
recolor_by_hole_count       eights    RED, BLUE
recolor_by_nearest          near      GRAY
recolor_by_row_key          row_key   GRAY
recolor_by_size             objs      5, YELLOW, GRAY
recolor_by_size_rank        objs      YELLOW, BLUE, RED, GRAY
recolor_largest_and_smallest  objs    YELLOW, RED
recolor_objects             objs      "tallest", GRAY
recolor_objects_and_others  objs      "largest", YELLOW, GRAY
recolor_to_dot              one_dot
recolor_to_mark             marked
remove_objects              objs      "largest"
remove_small_objects        objs
smallest_object             twins4
turn_objects                objs
"""

PANELS = """
asymmetric_panel            panels
color_if_panels_equal       equal_panels  GREEN, RED
color_if_panels_equal       alike     GREEN, RED
fill_fullest_panels         panels
fill_panels                 panels
fill_panels_by_count        panels    4, YELLOW
mark_panels_with_count      panels    5, YELLOW
odd_panel                   alike
overlay_panels              panels
panel                       panels    2
panel_count_grid            panels
panel_with_fewest_cells     panels
panel_with_most_cells       panels
panel_with_most_colors      panels
panels_and                  two_panels  RED
panels_differ               two_panels  RED
panels_nor                  two_panels  RED
panels_only_first           two_panels  RED
panels_only_second          two_panels  RED
panels_or                   two_panels  RED
panels_to_cells             panels
remove_separators           panels
share_panels                panels
symmetric_panel             panels
"""

PATTERNS = """
continue_columns            columns
continue_rows               rows
draw_spiral                 blank     GREEN
extend_canvas               small
fill_by_period              covered
grow_pattern                started
hidden_by_period            covered
smallest_tile               tiles
tile_content                stamp
tile_to_size                small     4, 7
"""

PHYSICS = """
absorb_dots                 target    GREEN
align_objects               uneven    BLUE
attract_dots                swarm     YELLOW, GREEN
complete_copies             parts
connect_to_largest          target
copy_to_marks               stamp_marks  GRAY
drop_color                  floating  RED
drop_objects                floating
gravity_of_color            floating  RED
mirror_around               axis      GRAY
move_color                  floating  GREEN, "right", 2
move_dots_to_same_color     homes
move_objects                islands   "right"
move_objects_by_own_size    floating  "down"
move_towards                gap       RED, YELLOW
move_until_touch            gap       RED, YELLOW
project_dots                target
put_dots_onto               target    GREEN
shoot_at                    target    GREEN
"""

RELATIONS = """
bounce                      one_cell
connect_panels              lattice
extend_corners              islands
fill_largest_rectangle      pairs     GREEN
recolor_same_shape          twins4    GREEN
recolor_touching            noise     BLUE, RED, YELLOW
repeat_objects              stamp     "right", 0
"""

SYMMETRY = """
color_if_symmetric          rings     GREEN, RED
color_if_symmetric          small     GREEN, RED
complete_symmetry           broken
fill_by_symmetry            masked    BROWN
hidden_by_symmetry          masked    BROWN
mirror_half_onto_other      figure
symmetrize                  figure
symmetrize_content          lopsided
"""
